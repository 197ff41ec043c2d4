/* Whole blocks: one call compresses or inflates all of it. Knows nothing of Node. */
#ifndef DEFLATE_BLOCK_H
#define DEFLATE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Levels of libdeflate are 1 to 12; those of ISA-L, 1 to 3, stand above them. */
enum { block_isal = 100, block_isal_max = 103, block_level_max = 12 };

enum block_end {
	/* The last block is marked as such, and the stream over. */
	block_end_final,
	/* No block is the last, and the end lies on a byte: another block may follow. */
	block_end_open,
};

enum block_status {
	block_ok,
	/* Compressing: it does not fit into the output. Inflating: there is more than the output holds. */
	block_too_large,
	block_damaged,
	block_no_memory,
};

struct block {
	const uint8_t *input;
	size_t input_bytes;
	uint8_t *output;
	size_t output_bytes;
	int level;
	enum block_end end;

	enum block_status status;
	/* How much of the input was used, and of the output. */
	size_t used_bytes;
	size_t made_bytes;
	/* CRC-32 of what is not compressed, whichever of the two that is. */
	uint32_t crc;
};

/* Compresses all of the input; `crc` is set whether or not it fits. */
void block_compress(struct block *block);

/* Inflates raw deflate data up to the end that it has itself; what follows is not looked at. */
void block_inflate(struct block *block);

/* The CRC-32 of RFC 1952, going on from `value`, that of the bytes before. */
uint32_t block_crc32(uint32_t value, const uint8_t *bytes, size_t length);

#endif
