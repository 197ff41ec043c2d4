/*
 * Node as our child. This program stays the first process of the container: it keeps the signals that come while Node
 * starts or ends, the container's lock and the template, and sleeps between the phases of a collector, when no Node runs
 * (README.md, "Phases").
 */
#ifndef PHASES_H
#define PHASES_H

#include <stdbool.h>

/* A container that waits for main: as it was called, and what of its work comes before Node, or NULL. */
struct collector {
	int argc;
	char **argv;
	bool (*prepare)(int argc, char **argv);
};

/*
 * Runs Node until it is done and exits with its status. A collector (else NULL) may ask to be started again when something
 * has happened.
 */
_Noreturn void run_phases(char **node, const struct collector *collector);

#endif
