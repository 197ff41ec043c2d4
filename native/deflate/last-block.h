/* Finds the last block of a deflate stream (RFC 1951), without inflating what the stream holds. */
#ifndef DEFLATE_LAST_BLOCK_H
#define DEFLATE_LAST_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct last_block {
	/* Where in the stream the bit stands that says that this block is the last. */
	size_t header_bit;
	/* Behind the last bit of the block. */
	size_t end_bit;
};

/* False: the data is damaged or has no last block. Reads nothing behind its end, whatever it holds. */
bool last_block_find(const uint8_t *data, size_t bytes, struct last_block *found);

#endif
