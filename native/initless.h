/* The init-less layout: waiting for the supervisor, placing input artifacts (docs/contract/pod.md#5.7). */
#ifndef INITLESS_H
#define INITLESS_H

#include "emissary.h"

/* Returns once the status marker says READY; a failure ends the program with 65, a request to stop with 128 + n. */
void await_supervisor(struct emissary *e);

/* Makes the links to the input artifacts that the plan lists; a failure ends the program with 65. */
void place_inputs(struct emissary *e);

/* Removes a file or a whole tree; false with errno. Something that is not there is fine. */
bool remove_tree(int folder, const char *name);

#endif
