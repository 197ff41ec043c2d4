/* Liveness: a container's `lock` is held for as long as its owner lives (README.md, "Files of a container"). */
#ifndef LOCK_H
#define LOCK_H

#include <stdbool.h>

enum container_state { NOT_STARTED, RUNNING, ENDED, DIED };

/*
 * Makes and takes the lock in an open folder; its descriptor (close on exec), or -1 with errno. Where the file system
 * has no locks, the file is there all the same and `is_held` is false.
 */
int take_lock(int folder, bool *is_held);

/* The exit code in an open folder; -1 while there is none, or something that is no exit code. */
int read_exit_code(int folder);

/* What is known of a container, and its exit code where it has ended (else -1). */
enum container_state container_state(const char *name, int *code);

/* Whether a container's program is no more, whatever it left behind. */
bool is_container_gone(const char *name);

/* Whether a `lock` exists in the folder (-1: none) and nobody holds it. */
bool is_lock_free(int folder, bool *exists);

/* Takes the lock of $ARGO_CONTAINER_NAME until this process ends; a failure is a warning. */
void hold_lock(void);

#endif
