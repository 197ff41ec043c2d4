/*
 * Files on the volume that all containers of the pod can write to. The step owns it as much as we do: what stands there
 * may be a link, a FIFO or a device, or be swapped at any moment. So no link is followed below /var/run/argo, nothing but
 * a regular file is read, and what is written gets its name by a rename (docs/security.md).
 */
#ifndef SHARED_H
#define SHARED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { ASIDE_SIZE = 64 };

/* Opens the folder `name` in `folder`, made 0777 where `makes` and it is missing; -1 with errno. */
int open_folder(int folder, const char *name, bool makes);

/* Opens `ctr/<name>`, made with its parents where `makes`; -1 with errno. */
int open_container(const char *name, bool makes);

/* Opens a regular file to read it; -1 with errno, EINVAL for anything else. `flags`: O_NOFOLLOW or 0. */
int open_regular(int folder, const char *path, int flags);

/* A name of `base` that nobody can guess, for what is written aside. */
void aside_name(char name[static ASIDE_SIZE], const char *base);

/* Gives what was written aside its name, whatever stands there now; false with errno. */
bool give_name(int folder, const char *aside, const char *name);

/* Writes aside and renames: a reader sees all of it or nothing. */
bool publish_file(int folder, const char *name, const char *text, mode_t mode);

#endif
