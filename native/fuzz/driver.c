/*
 * Runs a fuzz target where the compiler has no libFuzzer: mutations of the kept corpus, the same ones every time.
 *
 *     TARGET SECONDS CORPUS_FOLDER
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SEEDS_MAX = 256, INPUT_MAX = 4096, CHANGES_MAX = 6, ROUNDS_PER_LOOK = 1000 };

struct input {
	unsigned char bytes[INPUT_MAX];
	size_t length;
};

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length);

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static size_t read_seeds(const char *folder, struct input *seeds)
{
	size_t count = 0;
	struct dirent *entry;
	DIR *entries = opendir(folder);

	while (entries != NULL && count < SEEDS_MAX && (entry = readdir(entries)) != NULL) {
		char path[2 * INPUT_MAX];
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
		if (file == NULL)
			continue;
		seeds[count].length = fread(seeds[count].bytes, 1, INPUT_MAX, file);
		count++;
		fclose(file);
	}
	if (entries != NULL)
		closedir(entries);
	return count;
}

static void mutate(struct input *input, const struct input *other, uint64_t *random)
{
	static const char tokens[] = "\n %\"\\,[]u0/.";
	size_t at = input->length == 0 ? 0 : next_random(random) % input->length;
	size_t tail = input->length - at;

	switch (next_random(random) % 5) {
	case 0: /* change a byte */
		if (input->length > 0)
			input->bytes[at] = (unsigned char)next_random(random);
		break;
	case 1: /* put a byte with a meaning in between */
		if (input->length < INPUT_MAX) {
			memmove(input->bytes + at + 1, input->bytes + at, tail);
			input->bytes[at] = (unsigned char)tokens[next_random(random) % (sizeof tokens - 1)];
			input->length++;
		}
		break;
	case 2: /* cut a piece out */
		if (tail > 0) {
			size_t cut = 1 + next_random(random) % tail;
			memmove(input->bytes + at, input->bytes + at + cut, tail - cut);
			input->length -= cut;
		}
		break;
	case 3: /* flip a bit */
		if (input->length > 0)
			input->bytes[at] ^= (unsigned char)(1U << next_random(random) % 8);
		break;
	default: /* go on as another seed does */
		if (at < other->length) {
			memcpy(input->bytes + at, other->bytes + at, other->length - at);
			input->length = other->length;
		}
	}
}

int main(int argc, char **argv)
{
	static struct input seeds[SEEDS_MAX];
	static struct input input;
	uint64_t random = 0x9e3779b97f4a7c15;
	unsigned long long runs = 0;

	if (argc != 3)
		return 2;
	size_t count = read_seeds(argv[2], seeds);
	for (size_t i = 0; i < count; i++)
		LLVMFuzzerTestOneInput(seeds[i].bytes, seeds[i].length);
	for (time_t end = time(NULL) + atol(argv[1]); count > 0 && time(NULL) < end; runs += ROUNDS_PER_LOOK) {
		for (int round = 0; round < ROUNDS_PER_LOOK; round++) {
			input = seeds[next_random(&random) % count];
			for (uint64_t left = 1 + next_random(&random) % CHANGES_MAX; left > 0; left--)
				mutate(&input, &seeds[next_random(&random) % count], &random);
			LLVMFuzzerTestOneInput(input.bytes, input.length);
		}
	}
	printf("%llu runs from %zu seeds\n", runs, count);
	return count > 0 ? 0 : 1;
}
