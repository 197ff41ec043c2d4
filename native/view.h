/*
 * A file system as the step sees it: our own (the emissary's), or the step's volumes below a folder of ours. There a path
 * and every link in it mean what they mean to the step: resolved element by element from open folders, absolute links
 * from the view's root, `..` never above it, so that nothing outside is ever opened, however fast things are swapped.
 */
#ifndef VIEW_H
#define VIEW_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

/* Where something is mounted that is a link on a desk (ARGOEXEC_ROOT); in a pod the kernel knows mounts by itself. */
struct view_mount {
	const char *path;   /* as the step calls it */
	const char *target; /* where it is */
};

struct view {
	int root; /* -1: our own file system */
	const struct view_mount *mounts;
	size_t mount_count;
	char inputs[PATH_SIZE]; /* what links to input artifacts begin with */
	int inputs_folder;	/* where those are; -1: there are none */
};

/* Our own file system, with the inputs of the init-less layout; false with errno. */
bool open_own_view(struct view *view);

/*
 * Opens a path, following links; -1 with errno. `leads_out` tells that something is missing behind a link which cannot
 * mean here what it means to the step, because only its volumes are to be seen.
 */
int open_in_view(const struct view *view, const char *path, int flags, bool *leads_out);

/* Opens what a link into the input artifacts stands for; -1 where it is none, or leads out of them. */
int open_input(const struct view *view, const char *link, int flags);

#endif
