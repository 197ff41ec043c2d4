/* Files: read whole, publish whole, make folders. */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A whole file in new memory, with a NUL behind it; NULL with errno (EFBIG where it is longer than `max`). */
char *read_file(const char *path, size_t max, size_t *length);

/* At most `size` - 1 bytes of a small file, with a NUL behind them; -1 with errno. */
ssize_t read_small(int dir, const char *path, char *text, size_t size);

/* Writes aside and renames: a reader sees all of it or nothing. */
bool publish_file(int dir, const char *name, const char *text, mode_t mode);

/* Makes a folder and its parents; one that exists is fine. On failure `path` is cut to the one that failed. */
bool make_folders(char *path, mode_t mode);

#endif
