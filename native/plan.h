/* The plan: what TypeScript tells this program to do for one container (README.md, "The plan"). */
#ifndef PLAN_H
#define PLAN_H

#include "text.h"

enum directive_kind {
	CAPTURE_STDOUT,
	CAPTURE_COMBINED,
	SPOOL,
	DEPENDENCY,
	ATTEMPTS,
	PAUSE,
	ENDS_WITH,
	OUTPUT,
	COLLECTOR,
	INPUT,
	MOUNT,
	FAIL,
};

struct directive {
	enum directive_kind kind;
	const char *text;  /* the name, path or message */
	const char *text2; /* INPUT: the path */
	int64_t number;	   /* CAPTURE_*, SPOOL: bytes; ATTEMPTS; PAUSE: milliseconds */
};

struct plan {
	char *bytes;
	struct directive *directives;
	size_t count;
	bool exists;
};

/* Reads a plan from memory that must end in NUL and stay; false with a message naming the line. */
bool parse_plan(struct plan *plan, char *bytes, size_t length, char *error, size_t error_size);

/* Reads the plan of a container. One that does not exist is an empty plan. */
bool read_plan(struct plan *plan, const char *container, char *error, size_t error_size);

void free_plan(struct plan *plan);

/* The next directive of a kind behind `previous` (NULL: the first one), or NULL. */
const struct directive *next_directive(const struct plan *plan, enum directive_kind kind,
				       const struct directive *previous);

#endif
