#include "last-block.h"

#include <string.h>

enum { code_bits_max = 15, literals_max = 288, distances_max = 32, end_of_block = 256, first_length = 257 };

/* What follows a code: the low byte is how many bits to skip, its own and its extra ones; the rest one of these. */
enum { is_literal = 0x000, is_end = 0x100, is_length = 0x200, is_invalid = 0x300, kind_mask = 0xf00, skip_mask = 0xff };

struct codes {
	int index_bits;
	uint16_t entries[1 << code_bits_max];
};

struct reader {
	const uint8_t *data;
	size_t bytes;
	size_t at;
	/* Bits that were loaded and not used yet; behind the end of the data come zeros, which `is_over` tells. */
	uint64_t bits;
	unsigned loaded;
};

static const uint8_t length_extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint8_t distance_extra[] = {0, 0, 0, 0, 1, 1, 2, 2,  3,  3,  4,  4,  5,  5,  6,
					 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
static const uint8_t length_order[] = {16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};

/* At least 56 bits, which is a length with its distance (48), or more than any header field. */
static inline void load(struct reader *reader)
{
	while (reader->loaded <= 56) {
		const uint64_t next = reader->at < reader->bytes ? reader->data[reader->at] : 0;
		reader->bits |= next << reader->loaded;
		reader->loaded += 8;
		reader->at++;
	}
}

static inline void skip(struct reader *reader, unsigned count)
{
	reader->bits >>= count;
	reader->loaded -= count;
}

static unsigned take(struct reader *reader, unsigned count)
{
	load(reader);
	const unsigned value = (unsigned)(reader->bits & ((1u << count) - 1));
	skip(reader, count);
	return value;
}

static size_t position(const struct reader *reader)
{
	return reader->at * 8 - reader->loaded;
}

static bool is_over(const struct reader *reader)
{
	return position(reader) > reader->bytes * 8;
}

static uint16_t literal_entry(int symbol, unsigned length)
{
	if (symbol < end_of_block)
		return (uint16_t)(is_literal | length);
	if (symbol == end_of_block)
		return (uint16_t)(is_end | length);
	const size_t index = (size_t)(symbol - first_length);
	return index < sizeof length_extra ? (uint16_t)(is_length | (length + length_extra[index])) : is_invalid;
}

static uint16_t distance_entry(int symbol, unsigned length)
{
	const size_t index = (size_t)symbol;
	return index < sizeof distance_extra ? (uint16_t)(is_length | (length + distance_extra[index])) : is_invalid;
}

static unsigned reversed(unsigned code, unsigned length)
{
	unsigned result = 0;
	for (unsigned bit = 0; bit < length; bit++)
		result |= (code >> bit & 1) << (length - 1 - bit);
	return result;
}

/* Canonical codes from their lengths (RFC 1951 3.2.2). What no code stands for is invalid; false: too many codes. */
static bool make_codes(struct codes *codes, const uint8_t *lengths, int count, uint16_t (*entry)(int, unsigned))
{
	unsigned counts[code_bits_max + 1] = {0};
	unsigned next[code_bits_max + 2] = {0};
	codes->index_bits = 1;
	for (int symbol = 0; symbol < count; symbol++) {
		counts[lengths[symbol]]++;
		if (lengths[symbol] > codes->index_bits)
			codes->index_bits = lengths[symbol];
	}
	counts[0] = 0;
	for (int length = 1; length <= code_bits_max; length++) {
		next[length + 1] = (next[length] + counts[length]) << 1;
		if (next[length] + counts[length] > 1u << length)
			return false;
	}
	const unsigned size = 1u << codes->index_bits;
	for (unsigned index = 0; index < size; index++)
		codes->entries[index] = is_invalid;
	for (int symbol = 0; symbol < count; symbol++) {
		const unsigned length = lengths[symbol];
		if (length == 0)
			continue;
		const uint16_t value = entry(symbol, length);
		for (unsigned index = reversed(next[length]++, length); index < size; index += 1u << length)
			codes->entries[index] = value;
	}
	return true;
}

static inline uint16_t look_up(const struct codes *codes, const struct reader *reader)
{
	return codes->entries[reader->bits & ((1u << codes->index_bits) - 1)];
}

/* The symbols that stand for code lengths are not ours to tell apart: their entry holds the symbol instead of a kind. */
static uint16_t length_symbol(int symbol, unsigned length)
{
	return (uint16_t)((unsigned)symbol << 8 | length);
}

static bool read_lengths(struct reader *reader, struct codes *codes, uint8_t *lengths, int count)
{
	uint8_t own[sizeof length_order] = {0};
	const unsigned own_count = take(reader, 4) + 4;
	for (unsigned index = 0; index < own_count; index++)
		own[length_order[index]] = (uint8_t)take(reader, 3);
	if (!make_codes(codes, own, sizeof own, length_symbol))
		return false;
	for (int at = 0; at < count;) {
		load(reader);
		const uint16_t entry = look_up(codes, reader);
		if ((entry & skip_mask) == 0 || is_over(reader))
			return false;
		skip(reader, entry & skip_mask);
		const unsigned symbol = entry >> 8;
		if (symbol < 16) {
			lengths[at++] = (uint8_t)symbol;
			continue;
		}
		if (symbol == 16 && at == 0)
			return false;
		const uint8_t value = symbol == 16 ? lengths[at - 1] : 0;
		int times = symbol == 16 ? (int)take(reader, 2) + 3
			    : symbol == 17 ? (int)take(reader, 3) + 3
					   : (int)take(reader, 7) + 11;
		if (times > count - at)
			return false;
		while (times-- > 0)
			lengths[at++] = value;
	}
	return true;
}

struct tables {
	struct codes literals;
	struct codes distances;
};

static bool read_dynamic(struct reader *reader, struct tables *tables)
{
	uint8_t lengths[literals_max + distances_max] = {0};
	const int literals = (int)take(reader, 5) + 257;
	const int distances = (int)take(reader, 5) + 1;
	return read_lengths(reader, &tables->literals, lengths, literals + distances) &&
	       make_codes(&tables->literals, lengths, literals, literal_entry) &&
	       make_codes(&tables->distances, lengths + literals, distances, distance_entry);
}

static bool use_fixed(struct tables *tables)
{
	uint8_t lengths[literals_max];
	memset(lengths, 8, 144);
	memset(lengths + 144, 9, 112);
	memset(lengths + 256, 7, 24);
	memset(lengths + 280, 8, 8);
	if (!make_codes(&tables->literals, lengths, literals_max, literal_entry))
		return false;
	memset(lengths, 5, distances_max);
	return make_codes(&tables->distances, lengths, distances_max, distance_entry);
}

static bool skip_symbols(struct reader *reader, const struct tables *tables)
{
	while (!is_over(reader)) {
		load(reader);
		const uint16_t entry = look_up(&tables->literals, reader);
		skip(reader, entry & skip_mask);
		if ((entry & kind_mask) == is_literal)
			continue;
		if ((entry & kind_mask) == is_end)
			return true;
		const uint16_t distance = look_up(&tables->distances, reader);
		if (entry == is_invalid || distance == is_invalid)
			return false;
		skip(reader, distance & skip_mask);
	}
	return false;
}

static bool skip_stored(struct reader *reader)
{
	skip(reader, reader->loaded % 8);
	const unsigned length = take(reader, 16);
	const unsigned complement = take(reader, 16);
	if ((length ^ complement) != 0xffff)
		return false;
	reader->at = position(reader) / 8 + length;
	reader->bits = 0;
	reader->loaded = 0;
	return true;
}

bool last_block_find(const uint8_t *data, size_t bytes, struct last_block *found)
{
	struct reader reader = {.data = data, .bytes = bytes};
	struct tables tables;
	for (bool is_last = false; !is_last;) {
		found->header_bit = position(&reader);
		is_last = take(&reader, 1) != 0;
		bool is_read = false;
		switch (take(&reader, 2)) {
		case 0:
			is_read = skip_stored(&reader);
			break;
		case 1:
			is_read = use_fixed(&tables) && skip_symbols(&reader, &tables);
			break;
		case 2:
			is_read = read_dynamic(&reader, &tables) && skip_symbols(&reader, &tables);
			break;
		default:
			break;
		}
		if (!is_read || is_over(&reader))
			return false;
	}
	found->end_bit = position(&reader);
	return true;
}
