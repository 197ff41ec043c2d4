/* Inflates raw deflate data of unknown length piece by piece, with ISA-L. Knows nothing of Node. */
#ifndef DEFLATE_STREAM_H
#define DEFLATE_STREAM_H

#include <stddef.h>
#include <stdint.h>

enum stream_status {
	/* Wants more input, or more room. */
	stream_more,
	/* The stream's own end has been reached. */
	stream_over,
	stream_damaged,
};

struct stream;

struct stream_step {
	const uint8_t *input;
	size_t input_bytes;
	uint8_t *output;
	size_t output_bytes;

	enum stream_status status;
	/*
	 * At the end of the stream up to eight bytes that earlier steps took turn out not to belong to it: negative where
	 * they were more than this step's.
	 */
	ptrdiff_t used_bytes;
	size_t made_bytes;
	/* CRC-32 of all that came out up to now. */
	uint32_t crc;
};

/* NULL: no memory. */
struct stream *stream_open(void);
void stream_inflate(struct stream *stream, struct stream_step *step);
void stream_close(struct stream *stream);

#endif
