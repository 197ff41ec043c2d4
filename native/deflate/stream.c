#include "stream.h"

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdbool.h>
#include <stdlib.h>

/* ISA-L reads ahead into a word of 64 bits. */
enum { taken_back_max = 8 };

struct stream {
	uint32_t crc;
	bool is_over;
	struct inflate_state state;
};

struct stream *stream_open(void)
{
	struct stream *stream = malloc(sizeof *stream);
	if (stream == NULL)
		return NULL;
	isal_inflate_init(&stream->state);
	stream->crc = 0;
	stream->is_over = false;
	return stream;
}

void stream_close(struct stream *stream)
{
	free(stream);
}

void stream_inflate(struct stream *stream, struct stream_step *step)
{
	struct inflate_state *state = &stream->state;
	/* Whoever goes on behind the end, or with what is damaged, gets nothing but the same answer. */
	if (stream->is_over) {
		step->status = stream_damaged;
		return;
	}
	state->next_in = (uint8_t *)(uintptr_t)step->input;
	state->avail_in = (uint32_t)step->input_bytes;
	state->next_out = step->output;
	state->avail_out = (uint32_t)step->output_bytes;
	const int result = isal_inflate(state);
	/*
	 * Negative: damage. Positive: something that the format has no business to ask for, such as a dictionary. What ISA-L
	 * counts when it meets damage may be more than it was given, so nothing is believed then.
	 */
	if (result != ISAL_DECOMP_OK || state->avail_in > step->input_bytes || state->avail_out > step->output_bytes) {
		stream->is_over = true;
		step->status = stream_damaged;
		return;
	}
	step->used_bytes = (ptrdiff_t)(step->input_bytes - state->avail_in);
	step->made_bytes = step->output_bytes - state->avail_out;
	stream->crc = libdeflate_crc32(stream->crc, step->output, step->made_bytes);
	step->crc = stream->crc;
	step->status = stream_more;
	if (state->block_state != ISAL_BLOCK_FINISH)
		return;
	stream->is_over = true;
	const int unused_bytes = state->read_in_length / 8;
	const bool is_plausible = unused_bytes >= 0 && unused_bytes <= taken_back_max;
	step->status = is_plausible ? stream_over : stream_damaged;
	step->used_bytes -= is_plausible ? unused_bytes : 0;
}
