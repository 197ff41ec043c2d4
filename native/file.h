/* Files: read whole, make folders. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A whole regular file in new memory, with a NUL behind it; NULL with errno (EFBIG where it is longer than `max`).
 * `flags`: O_NOFOLLOW, or 0 for a path that nobody but us can write to.
 */
char *read_file(int folder, const char *path, int flags, size_t max, size_t *length);

/* At most `size` - 1 bytes of a regular file, with a NUL behind them, no link followed; -1 with errno. */
ssize_t read_small(int dir, const char *path, char *text, size_t size);

/* Makes a folder and its parents; one that exists is fine. On failure `path` is cut to the one that failed. */
bool make_folders(char *path, mode_t mode);

#endif
