/*
 * Node as our child. This program stays the first process of the container: it keeps the signals that come while Node
 * starts or ends, the container's lock and the template, and sleeps between the phases of a collector, when no Node runs
 * (README.md, "Phases").
 */
#ifndef PHASES_H
#define PHASES_H

#include <stdbool.h>

/*
 * Runs Node until it is done and exits with its status. A collector may ask to be started again when something has
 * happened.
 */
_Noreturn void run_phases(char **node, bool is_collector);

#endif
