#include "trace.h"
#include "shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { TRACE_DIGITS = 32, SPAN_DIGITS = 16, PARENT_LENGTH = 55 };

static bool is_hex(const char *text, int length)
{
	for (int i = 0; i < length; i++) {
		if (text[i] == '\0' || strchr("0123456789abcdef", text[i]) == NULL)
			return false;
	}
	return true;
}

/* `00-TRACE-SPAN-FLAGS` (W3C Trace Context, section 3.2), with a trace that is not all zeros. */
static bool is_trace_parent(const char *text)
{
	return strlen(text) == PARENT_LENGTH && strncmp(text, "00-", 3) == 0 && is_hex(text + 3, TRACE_DIGITS) &&
	       text[35] == '-' && is_hex(text + 36, SPAN_DIGITS) && text[52] == '-' && is_hex(text + 53, 2) &&
	       strspn(text + 3, "0") < TRACE_DIGITS;
}

static void print_hex(char *to, const unsigned char *bytes, int digits)
{
	for (int i = 0; i < digits / 2; i++)
		snprintf(to + 2 * i, 3, "%02x", bytes[i]);
}

/* An exporter is configured where its address exists, as for the roles in TypeScript. */
static bool is_traced(void)
{
	return getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != NULL || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != NULL;
}

void leave_span(int folder)
{
	char text[PARENT_LENGTH + 32];
	struct timespec now;
	const char *parent = getenv("TRACEPARENT");

	if (parent == NULL || !is_traced())
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(text, sizeof text, "%s %lld\n", parent, (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000);
	/* A trace without this span is no reason to run nothing. */
	(void)publish_file(folder, "span", text, 0644);
}

bool renew_trace_parent(void)
{
	const char *old = getenv("TRACEPARENT");
	unsigned char random[(TRACE_DIGITS + SPAN_DIGITS) / 2];
	char trace[TRACE_DIGITS + 1], span[SPAN_DIGITS + 1], flags[3] = "01", text[PARENT_LENGTH + 1];

	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return false;
	/* All zeros would be invalid. */
	random[0] |= 1;
	random[TRACE_DIGITS / 2] |= 1;
	print_hex(trace, random, TRACE_DIGITS);
	print_hex(span, random + TRACE_DIGITS / 2, SPAN_DIGITS);
	if (old != NULL && is_trace_parent(old)) {
		memcpy(trace, old + 3, TRACE_DIGITS);
		memcpy(flags, old + 53, 2);
	}
	snprintf(text, sizeof text, "00-%s-%s-%s", trace, span, flags);
	/* The variable may stand in the environment more than once. */
	return unsetenv("TRACEPARENT") == 0 && setenv("TRACEPARENT", text, 1) == 0;
}
