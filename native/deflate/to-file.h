/* A whole block that goes into a file on the very thread that inflates it: nobody else sees its content. */
#ifndef DEFLATE_TO_FILE_H
#define DEFLATE_TO_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "block.h"

/* Content of a block at most. */
enum { to_file_bytes_max = 2 * 1024 * 1024 };

enum to_file_status {
	to_file_ok,
	/* The numbers of block_status, up to no_memory. */
	to_file_too_large = block_too_large,
	to_file_damaged = block_damaged,
	to_file_no_memory = block_no_memory,
	/* The content, or what was used of the input, is not as long as it should be. */
	to_file_other_length,
	to_file_other_crc,
	/* Writing has failed; `error` says how. */
	to_file_not_written,
};

struct to_file {
	const uint8_t *input;
	size_t input_bytes;
	/* What the content has to be. */
	size_t content_bytes;
	uint32_t crc;
	int fd;
	off_t position;

	enum to_file_status status;
	int error;
};

/* Nothing is written of what is not as it should be. */
void to_file_inflate(struct to_file *work);

#endif
