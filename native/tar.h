/*
 * A file or a folder as a stream: a tar (docs/contract/artifacts.md#6.1), or a list of files with the content of small
 * ones.
 */
#ifndef TAR_H
#define TAR_H

#include "stream.h"
#include "view.h"

/* Sends the whole stream. On failure sends an `X` frame that names the path, and returns false. */
bool tar_path(struct stream *stream, const struct view *view, const char *path);

/*
 * Sends an `N` frame for everything below a folder that is no folder itself, and behind it the content of files of at
 * most `body_max` bytes. Fails as `tar_path` does.
 */
bool list_path(struct stream *stream, const struct view *view, const char *path, int64_t body_max);

#endif
