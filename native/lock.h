/* Liveness: a container's `lock` is held for as long as its owner lives (README.md, "Files of a container"). */
#ifndef LOCK_H
#define LOCK_H

#include <stdbool.h>

enum container_state { NOT_STARTED, RUNNING, ENDED, DIED };

/* Makes and takes the lock in an open folder; its descriptor (close on exec), or -1 with errno. */
int take_lock(int folder);

/* What is known of a container by its folder `ctr/<name>`. */
enum container_state container_state(const char *folder);

/* Whether a container's program is no more, whatever it left behind. */
bool is_container_gone(const char *folder);

/* Whether a `lock` exists in the folder and nobody holds it. */
bool is_lock_free(const char *folder, bool *exists);

/*
 * Takes the lock of $ARGO_CONTAINER_NAME for a program that is about to be executed, and says so in
 * ARGOEXEC_LOCK_HELD; does nothing where the lock is held already or the container has no name.
 */
void hold_lock_across_exec(void);

#endif
