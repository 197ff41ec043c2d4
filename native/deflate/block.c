#include "block.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "idle.h"
#include "last-block.h"

/* What closes an open end: an empty stored block, whose header ends on a byte (RFC 1951 3.2.4). */
static const uint8_t empty_stored[] = {0x00, 0x00, 0xff, 0xff};

/* ISA-L's state and the table of its level, in one piece. */
struct isal_memory {
	struct isal_zstream stream;
	uint8_t table[ISAL_DEF_LVL3_LARGE];
};

static void *new_isal(int level)
{
	(void)level;
	return malloc(sizeof(struct isal_memory));
}

static void *new_compressor(int level)
{
	return libdeflate_alloc_compressor(level);
}

static void free_compressor(void *compressor)
{
	libdeflate_free_compressor(compressor);
}

static void *new_decompressor(int level)
{
	(void)level;
	return libdeflate_alloc_decompressor();
}

static void free_decompressor(void *decompressor)
{
	libdeflate_free_decompressor(decompressor);
}

static struct idle isal_idle = {.make = new_isal, .destroy = free};
static struct idle compressors = {.make = new_compressor, .destroy = free_compressor};
static struct idle decompressors = {.make = new_decompressor, .destroy = free_decompressor};

static void compress_isal(struct block *block)
{
	/* Its tables are the same size for every level, so that one piece of memory serves them all. */
	struct isal_memory *memory = idle_take(&isal_idle, 0);
	if (memory == NULL) {
		block->status = block_no_memory;
		return;
	}
	struct isal_zstream *stream = &memory->stream;
	isal_deflate_stateless_init(stream);
	stream->level = (uint32_t)(block->level - block_isal);
	stream->level_buf = memory->table;
	stream->level_buf_size = sizeof memory->table;
	stream->next_in = (uint8_t *)(uintptr_t)block->input;
	stream->avail_in = (uint32_t)block->input_bytes;
	stream->next_out = block->output;
	stream->avail_out = (uint32_t)block->output_bytes;
	stream->end_of_stream = block->end == block_end_final;
	stream->flush = block->end == block_end_final ? NO_FLUSH : FULL_FLUSH;
	const int result = isal_deflate_stateless(stream);
	block->made_bytes = block->output_bytes - stream->avail_out;
	block->status = result == COMP_OK && stream->avail_in == 0 ? block_ok : block_too_large;
	idle_give(&isal_idle, 0, memory);
}

/* libdeflate writes streams that end. To keep one open, its last block is told that it is not, and an empty one follows. */
static void open_end(struct block *block)
{
	struct last_block last;
	if (!last_block_find(block->output, block->made_bytes, &last)) {
		block->status = block_damaged;
		return;
	}
	block->output[last.header_bit / 8] &= (uint8_t)~(1u << last.header_bit % 8);
	/* The three bits of the empty block's header are zeros, as is what fills up its byte. */
	const size_t end = (last.end_bit + 3 + 7) / 8;
	if (end + sizeof empty_stored > block->output_bytes) {
		block->status = block_too_large;
		return;
	}
	if (end > block->made_bytes)
		block->output[end - 1] = 0;
	memcpy(block->output + end, empty_stored, sizeof empty_stored);
	block->made_bytes = end + sizeof empty_stored;
}

static void compress_libdeflate(struct block *block)
{
	struct libdeflate_compressor *compressor = idle_take(&compressors, block->level);
	if (compressor == NULL) {
		block->status = block_no_memory;
		return;
	}
	block->made_bytes = libdeflate_deflate_compress(compressor, block->input, block->input_bytes, block->output,
							block->output_bytes);
	idle_give(&compressors, block->level, compressor);
	block->status = block->made_bytes == 0 ? block_too_large : block_ok;
	if (block->status == block_ok && block->end == block_end_open)
		open_end(block);
}

void block_compress(struct block *block)
{
	block->crc = libdeflate_crc32(0, block->input, block->input_bytes);
	if (block->level > block_isal)
		compress_isal(block);
	else
		compress_libdeflate(block);
	block->used_bytes = block->status == block_ok ? block->input_bytes : 0;
}

void block_inflate(struct block *block)
{
	struct libdeflate_decompressor *decompressor = idle_take(&decompressors, 0);
	if (decompressor == NULL) {
		block->status = block_no_memory;
		return;
	}
	const enum libdeflate_result result = libdeflate_deflate_decompress_ex(
		decompressor, block->input, block->input_bytes, block->output, block->output_bytes, &block->used_bytes,
		&block->made_bytes);
	idle_give(&decompressors, 0, decompressor);
	if (result != LIBDEFLATE_SUCCESS) {
		block->used_bytes = block->made_bytes = 0;
		block->status = result == LIBDEFLATE_INSUFFICIENT_SPACE ? block_too_large : block_damaged;
		return;
	}
	block->status = block_ok;
	block->crc = libdeflate_crc32(0, block->output, block->made_bytes);
}

uint32_t block_crc32(uint32_t value, const uint8_t *bytes, size_t length)
{
	return crc32_gzip_refl(value, bytes, length);
}
