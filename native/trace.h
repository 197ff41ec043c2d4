/* TRACEPARENT of the user's command (contract pod.md 2.1). */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>

/* Keeps the trace of our TRACEPARENT, or begins one, and gives the command a span of its own; false with errno. */
bool renew_trace_parent(void);

#endif
