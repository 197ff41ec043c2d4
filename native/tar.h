/* A file or a folder as a tar stream (contract artifacts.md 6.1). */
#ifndef TAR_H
#define TAR_H

#include "stream.h"

/* Sends the whole stream. On failure sends an `X` frame that names the path, and returns false. */
bool tar_path(struct stream *stream, const char *path);

#endif
