/* What a command leaves running when it has ended. */
#ifndef LEFTOVERS_H
#define LEFTOVERS_H

#include "emissary.h"

/*
 * Ends every process that the command left behind, as the kernel does when a container ends: nothing of the step runs
 * while its outputs are read. Never one of another container.
 */
void end_leftovers(struct emissary *e);

#endif
