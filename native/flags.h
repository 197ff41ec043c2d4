/* The command line: `argoexec [global flags] SUBCOMMAND [flags] [arguments]` (docs/contract/pod.md#1.1). */
#ifndef FLAGS_H
#define FLAGS_H

#include "report.h"

struct flags {
	struct log log;
	bool help;
	bool is_short;
	int rest; /* index in argv of the first argument that is no flag; argc where there is none */
};

/* The index of the subcommand in argv, or argc: global flags may stand before it. */
int find_subcommand(int argc, char **argv);

/*
 * Reads the flags of a subcommand that this program runs itself, those before the subcommand's name included.
 * A flag that does not exist ends the program with status 64, a level or a format that does not exist with 1.
 */
struct flags parse_flags(int argc, char **argv, int subcommand);

#endif
