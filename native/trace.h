/* TRACEPARENT of the user's command (docs/contract/pod.md#2.1). */
#ifndef TRACE_H
#define TRACE_H

#include <stdbool.h>

/* Keeps the trace of our TRACEPARENT, or begins one, and gives the command a span of its own; false with errno. */
bool renew_trace_parent(void);

/*
 * Where spans are exported, leaves that of the command for the collector: `ctr/<name>/span` holds its TRACEPARENT and
 * when it began, in milliseconds since the epoch.
 */
void leave_span(int folder);

#endif
