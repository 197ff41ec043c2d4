/*
 * Templates whose plan anybody can tell: one container, no inputs to load, outputs of its own file system. Everything else is
 * TypeScript's to decide (src/podfiles/plan.ts), which makes the same plans of these.
 */
#ifndef PLAIN_TEMPLATE_H
#define PLAIN_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

struct plan_context {
	bool includes_result; /* ARGO_INCLUDE_SCRIPT_OUTPUT */
	bool is_initless;     /* supervisor collects, else wait */
};

/* Main's plan, in new memory; NULL where the template is not plain, or there is no memory. */
char *plan_plain_template(const char *json, size_t length, struct plan_context context);

#endif
