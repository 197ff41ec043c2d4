/*
 * Hostile deflate data, and any bytes to compress, between pages that nobody may touch: the libraries are partly
 * assembly, which no sanitizer sees, but a step over either end of a buffer is a fault here all the same.
 *
 *   hostile SECONDS
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "../block.h"
#include "../last-block.h"
#include "../stream.h"
#include "../to-file.h"

enum { page_bytes = 4096, room_bytes = 1 << 18 };

/* Memory whose end, or start, lies at a page that cannot be touched. */
struct guarded {
	uint8_t *room;
};

static struct guarded make_guarded(void)
{
	uint8_t *memory = mmap(NULL, room_bytes + 2 * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || mprotect(memory + page_bytes, room_bytes, PROT_READ | PROT_WRITE) != 0)
		abort();
	return (struct guarded){.room = memory + page_bytes};
}

static uint8_t *place(struct guarded guarded, size_t bytes, bool at_end)
{
	return at_end ? guarded.room + room_bytes - bytes : guarded.room;
}

static uint64_t state = 0x9e3779b97f4a7c15;

static size_t below(size_t limit)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return limit == 0 ? 0 : (size_t)(state >> 11) % limit;
}

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "hostile: %s\n", what);
	abort();
}

/* Text, runs, noise and repeats from far back, by turns. */
static void fill(uint8_t *bytes, size_t length)
{
	for (size_t at = 0; at < length;) {
		size_t run = 1 + below(5000);
		if (run > length - at)
			run = length - at;
		const size_t kind = below(4);
		const size_t back = at == 0 ? 0 : 1 + below(at < 40000 ? at : 40000);
		for (size_t end = at + run; at < end; at++)
			bytes[at] = (uint8_t)(kind == 0 ? 'a' + below(20) : kind == 1 ? 7 : kind == 2 || back == 0 ? below(256) : bytes[at - back]);
	}
}

static void damage(uint8_t *bytes, size_t length)
{
	for (size_t times = below(5); times > 0 && length > 0; times--) {
		if (below(4) == 0)
			bytes[below(length)] = (uint8_t)below(256);
		else
			bytes[below(below(3) == 0 && length > 80 ? 80 : length)] ^= (uint8_t)(1u << below(8));
	}
}

/* By small steps of input and output, as a socket and a reader would; returns what came out. */
static size_t inflate_by_steps(const uint8_t *input, size_t length, struct guarded from, struct guarded to)
{
	struct stream *stream = stream_open();
	check(stream != NULL, "no memory");
	size_t total = 0, at = 0;
	for (int step_count = 0; step_count < 1000 && stream != NULL; step_count++) {
		size_t piece = 1 + below(below(2) ? 40 : 20000), room = 1 + below(below(2) ? 300 : 60000);
		if (piece > length - at)
			piece = length - at;
		uint8_t *copy = place(from, piece, below(4) != 0);
		memcpy(copy, input + at, piece);
		struct stream_step step = {.input = copy, .input_bytes = piece, .output = place(to, room, below(4) != 0), .output_bytes = room};
		stream_inflate(stream, &step);
		check(step.made_bytes <= room && step.used_bytes <= (ptrdiff_t)piece, "a step counts more than there is");
		check(step.used_bytes >= -8, "a step takes back more than eight bytes");
		total += step.made_bytes;
		at += (size_t)step.used_bytes;
		if (step.status != stream_more || (at == length && step.made_bytes < room))
			break;
	}
	stream_close(stream);
	return total;
}

/* What is as it should be stands in the file, and of all else not a byte. */
static void inflate_into_file(const uint8_t *input, size_t length, const uint8_t *content, size_t content_bytes, uint32_t crc)
{
	static int file = -1;
	if (file < 0)
		file = memfd_create("hostile", 0);
	check(file >= 0 && ftruncate(file, 0) == 0, "no file");
	const off_t position = (off_t)below(5000);
	struct to_file work = {.input = input, .input_bytes = length, .content_bytes = content_bytes, .crc = crc, .fd = file};
	work.position = position;
	to_file_inflate(&work);
	static uint8_t back[room_bytes];
	const ssize_t count = pread(file, back, sizeof back, position);
	const bool is_written = content_bytes > 0 && work.status == to_file_ok;
	check(count == (is_written ? (ssize_t)content_bytes : 0), "another length stands in the file");
	check(!is_written || memcmp(back, content, content_bytes) == 0, "other bytes stand in the file");
	check(is_written || lseek(file, 0, SEEK_END) == 0, "something stands in the file");
}

static void one_round(struct guarded a, struct guarded b, struct guarded c, struct guarded d)
{
	static const int levels[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 101, 102, 103};
	const size_t length = 1 + below(below(2) ? 3000 : 150000);
	uint8_t *content = place(a, length, below(2));
	fill(content, length);
	const size_t room = below(3) == 0 ? 1 + below(length) : length + 6000;
	struct block block = {.input = content, .input_bytes = length, .output = place(b, room, true), .output_bytes = room};
	block.level = levels[below(sizeof levels / sizeof levels[0])];
	block.end = below(2) ? block_end_open : block_end_final;
	block_compress(&block);
	check(block.status == block_ok || block.status == block_too_large, "compressing fails");
	if (block.status != block_ok)
		return;
	check(block.made_bytes <= room, "compressing counts more than there is room");
	size_t packed = block.made_bytes;
	uint8_t *deflated = place(c, packed + (block.end == block_end_open ? 2 : 0), true);
	memcpy(deflated, block.output, packed);
	if (block.end == block_end_open) {
		memcpy(deflated + packed, "\3", 2);
		packed += 2;
	}
	struct block back = {.input = deflated, .input_bytes = packed, .output = place(b, length, true), .output_bytes = length};
	block_inflate(&back);
	check(back.status == block_ok && back.crc == block.crc && back.used_bytes == packed, "a block does not come back");
	check(back.made_bytes == length && memcmp(back.output, content, length) == 0, "other bytes come back");
	inflate_into_file(deflated, packed, content, length, block.crc);
	inflate_into_file(deflated, packed, content, length - below(2), block.crc ^ (uint32_t)below(2));
	check(inflate_by_steps(deflated, packed, a, d) == length, "a stream does not come back");

	damage(deflated, packed);
	const size_t cut = below(3) == 0 ? below(packed + 1) : packed;
	uint8_t *moved = place(c, cut, true);
	memmove(moved, deflated, cut);
	const size_t limit = below(length + 100);
	struct block bad = {.input = moved, .input_bytes = cut, .output = place(d, limit, true), .output_bytes = limit};
	block_inflate(&bad);
	check(bad.made_bytes <= limit && bad.used_bytes <= cut, "damage counts more than there is");
	if (bad.status == block_ok)
		inflate_into_file(moved, cut, bad.output, bad.made_bytes, bad.crc);
	else if (bad.status == block_damaged)
		inflate_into_file(moved, cut, content, length, block.crc);
	struct last_block last;
	if (last_block_find(moved, cut, &last))
		check(last.header_bit < last.end_bit && last.end_bit <= cut * 8, "a last block lies outside");
	inflate_by_steps(moved, cut, a, d);
}

int main(int count, char **arguments)
{
	const time_t end = time(NULL) + (count > 1 ? atoi(arguments[1]) : 10);
	struct guarded a = make_guarded(), b = make_guarded(), c = make_guarded(), d = make_guarded();
	state ^= (uint64_t)time(NULL) * 0x2545f4914f6cdd1d;
	const uint64_t seed = state;
	long rounds = 0;
	for (; time(NULL) < end; rounds++)
		one_round(a, b, c, d);
	printf("hostile: %ld rounds, seed %016llx\n", rounds, (unsigned long long)seed);
	return 0;
}
