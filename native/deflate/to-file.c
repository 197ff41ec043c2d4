#include "to-file.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "idle.h"

static void *new_content(int level)
{
	(void)level;
	return malloc(to_file_bytes_max);
}

/* A processor's cache holds what was inflated into it until it is written; fresh memory would be touched first. */
static struct idle contents = {.make = new_content, .destroy = free};

/*
 * Writers to one file exclude each other in the kernel, where who waits spins: here they sleep, and leave the processor
 * to those who inflate.
 */
static pthread_mutex_t writing[] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
				    PTHREAD_MUTEX_INITIALIZER};

static void write_content(struct to_file *work, const uint8_t *content)
{
	pthread_mutex_t *turn = &writing[(unsigned)work->fd % (sizeof writing / sizeof writing[0])];
	pthread_mutex_lock(turn);
	for (size_t done = 0; done < work->content_bytes && work->status == to_file_ok;) {
		const ssize_t count =
			pwrite(work->fd, content + done, work->content_bytes - done, work->position + (off_t)done);
		if (count > 0) {
			done += (size_t)count;
		} else if (count == 0 || errno != EINTR) {
			work->error = count == 0 ? EIO : errno;
			work->status = to_file_not_written;
		}
	}
	pthread_mutex_unlock(turn);
}

static enum to_file_status inflate(const struct to_file *work, uint8_t *content)
{
	struct block block = {
		.input = work->input,
		.input_bytes = work->input_bytes,
		.output = content,
		.output_bytes = work->content_bytes,
	};
	block_inflate(&block);
	if (block.status != block_ok)
		return (enum to_file_status)block.status;
	if (block.used_bytes != work->input_bytes || block.made_bytes != work->content_bytes)
		return to_file_other_length;
	return block.crc == work->crc ? to_file_ok : to_file_other_crc;
}

void to_file_inflate(struct to_file *work)
{
	if (work->content_bytes > to_file_bytes_max) {
		work->status = to_file_too_large;
		return;
	}
	uint8_t *content = idle_take(&contents, 0);
	if (content == NULL) {
		work->status = to_file_no_memory;
		return;
	}
	work->status = inflate(work, content);
	if (work->status == to_file_ok)
		write_content(work, content);
	idle_give(&contents, 0, content);
}
