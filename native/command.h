/* Running the command: all attempts, and the end of sidecars. */
#ifndef COMMAND_H
#define COMMAND_H

#include "emissary.h"

/*
 * Runs the command until it succeeds or its attempts are used up (docs/contract/pod.md#5.4 step 11). Returns its
 * status, or 64 with a message in `error` where it could not be started.
 */
int run_command(struct emissary *e, char *error, size_t error_size);

#endif
