#include "capture-file.h"
#include "listing.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GIVE_BACK_STEP = 1 << 20, BLOCK_SIZE = 4096, SEGMENT_NAME_SIZE = 64 };

/* A collector that takes no segment away for so long is not waited for any more (src/wait/spool.ts has as much time). */
enum { SPOOL_PATIENCE_MS = 60000 };

static int open_to_append(int folder, const char *name, int flags)
{
	struct stat status;
	/* The step may have left something else under this name: a link leads elsewhere, a FIFO would be waited for. */
	int fd = openat(folder, name, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags,
			0666);
	if (fd < 0 || (fstat(fd, &status) == 0 && S_ISREG(status.st_mode)))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

bool open_whole(struct capture_file *file, int folder, const char *name, int64_t limit)
{
	struct stat status;

	*file = (struct capture_file){ .folder = folder, .name = name, .limit = limit };
	file->fd = open_to_append(folder, name, 0);
	if (file->fd < 0 || fstat(file->fd, &status) != 0)
		return false;
	file->size = status.st_size;
	return true;
}

bool open_segmented(struct capture_file *file, int folder, const char *name, int64_t limit, int64_t segment)
{
	*file = (struct capture_file){ .folder = folder, .name = name, .limit = limit, .is_spooled = segment > 0 };
	file->segment = segment > 0 ? segment : limit / SEGMENTS_MAX;
	if (file->segment == 0)
		file->segment = 1;
	file->fd = open_to_append(folder, name, O_TRUNC);
	return file->fd >= 0;
}

/* The name of the segment that begins behind `start` bytes. */
static void segment_name(const struct capture_file *file, int64_t start, char name[static SEGMENT_NAME_SIZE])
{
	if (start == 0)
		snprintf(name, SEGMENT_NAME_SIZE, "%s", file->name);
	else
		snprintf(name, SEGMENT_NAME_SIZE, "%s.%" PRId64, file->name, start);
}

/* Whether as many segments are there as the limit allows. */
static bool is_used_up(const struct capture_file *file)
{
	return file->size - file->oldest >= file->limit / file->segment * file->segment;
}

/* The oldest go once their successors' successor is there: a reader always finds an unbroken row. */
static bool remove_oldest(struct capture_file *file)
{
	char name[SEGMENT_NAME_SIZE];

	for (; is_used_up(file) && file->oldest + file->segment <= file->size; file->oldest += file->segment) {
		segment_name(file, file->oldest, name);
		if (unlinkat(file->folder, name, 0) != 0 && errno != ENOENT)
			return false;
	}
	return true;
}

static bool begin_segment(struct capture_file *file)
{
	char name[SEGMENT_NAME_SIZE];

	segment_name(file, file->size, name);
	int fd = open_to_append(file->folder, name, O_TRUNC);
	if (fd < 0)
		return false;
	close(file->fd);
	file->fd = fd;
	return file->is_spooled || remove_oldest(file);
}

void stop_spooling(struct capture_file *file)
{
	file->is_spooled = false;
}

static bool is_there(const struct capture_file *file, const char *name)
{
	return faccessat(file->folder, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
}

int64_t full_until(struct capture_file *file)
{
	char name[SEGMENT_NAME_SIZE];

	if (!file->is_spooled || file->fd < 0)
		return -1;
	while (is_used_up(file) && file->oldest + file->segment <= file->size) {
		segment_name(file, file->oldest, name);
		if (is_there(file, name))
			break;
		file->oldest += file->segment;
		file->full_ms = 0;
	}
	if (is_used_up(file) && is_there(file, "spool-ended"))
		stop_spooling(file);
	if (!is_used_up(file) || !file->is_spooled) {
		file->full_ms = 0;
		return -1;
	}
	if (file->full_ms == 0)
		file->full_ms = now_ms();
	return file->full_ms + SPOOL_PATIENCE_MS;
}

static bool append_to_segments(struct capture_file *file, const char *bytes, size_t length)
{
	while (length > 0) {
		int64_t filled = file->size % file->segment;
		if (filled == 0 && file->size > 0 && !begin_segment(file))
			return false;
		size_t room = (size_t)(file->segment - filled);
		size_t part = length < room ? length : room;
		if (!write_all(file->fd, bytes, part))
			return false;
		file->size += (int64_t)part;
		bytes += part;
		length -= part;
	}
	return true;
}

/*
 * Gives old bytes back to the file system, a good piece at a time; where it cannot, they stay
 * (docs/contract/scenarios.md#S2).
 */
static void give_back(struct capture_file *file)
{
	int64_t old = (file->size - file->limit) / BLOCK_SIZE * BLOCK_SIZE;
	if (file->limit == 0 || old - file->given_back < GIVE_BACK_STEP)
		return;
	if (fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, file->given_back, old - file->given_back) != 0)
		file->limit = 0;
	file->given_back = old;
}

bool append_bytes(struct capture_file *file, const char *bytes, size_t length)
{
	if (file->segment > 0)
		return append_to_segments(file, bytes, length);
	if (!write_all(file->fd, bytes, length))
		return false;
	file->size += (int64_t)length;
	give_back(file);
	return true;
}

void remove_segments(int folder, const char *name)
{
	struct listing listing;
	size_t length = strlen(name);

	if (!read_folder(folder, &listing))
		return;
	for (size_t i = 0; i < listing.count; i++) {
		if (strncmp(listing.names[i], name, length) == 0 && listing.names[i][length] == '.')
			(void)unlinkat(folder, listing.names[i], 0);
	}
	free_listing(&listing);
}
