/* A file that captured output is appended to, and of which only the newest bytes must stay. */
#ifndef CAPTURE_FILE_H
#define CAPTURE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Of a segmented file that nobody spools, so many segments exist at most: but for one in so many, the limit is always used
 * up.
 */
enum { SEGMENTS_MAX = 8 };

struct capture_file {
	int fd;	    /* -1: not wanted */
	int folder; /* where segments are made; not ours to close */
	const char *name;
	int64_t limit;	    /* 0: all bytes stay */
	int64_t size;	    /* bytes that were appended so far */
	int64_t given_back; /* bytes at the beginning that the file system has back */
	int64_t segment;    /* length of each segment but the last one; 0: the file is one piece */
	int64_t oldest;	    /* where the oldest segment begins, as far as we know */
	bool is_spooled;    /* the collector takes segments away; nothing is removed before it has */
	int64_t full_ms;    /* since when the limit is used up, on the monotonic clock; 0: it is not */
};

/* A file of one piece: it keeps its length, and what is older than `limit` bytes becomes a hole; false with errno. */
bool open_whole(struct capture_file *file, int folder, const char *name, int64_t limit);

/*
 * A file in segments, of which all together take up `limit` bytes at most on any file system: `name`, then `name.N`,
 * where N is the number of bytes before it. The oldest are removed. Whoever has opened a segment keeps it, and what
 * is left always says how much is missing, however this process ends. `segment`: its length, where the collector takes
 * segments away; 0: nobody does. False with errno.
 */
bool open_segmented(struct capture_file *file, int folder, const char *name, int64_t limit, int64_t segment);

/*
 * Until when (monotonic, ms) nothing more should be appended, because the collector has yet to take segments away; -1:
 * something may be. Whoever is not served in that time stops waiting: `stop_spooling`.
 */
int64_t full_until(struct capture_file *file);

/* From now on the oldest segments are removed, whether the collector has them or not. */
void stop_spooling(struct capture_file *file);

/* Appends everything, or false with errno. */
bool append_bytes(struct capture_file *file, const char *bytes, size_t length);

/* Removes the segments of a file that an earlier process left, but for the first, which bears the plain name. */
void remove_segments(int folder, const char *name);

#endif
