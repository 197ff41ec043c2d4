/* The life of a container's command, from top to bottom (docs/contract/pod.md#5.4). */
#include "emissary.h"
#include "args.h"
#include "child.h"
#include "command.h"
#include "initless.h"
#include "leftovers.h"
#include "lock.h"
#include "serve.h"
#include "trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* The end on request before the command ran: the signal's status, and no message. */
static _Noreturn void stop(struct emissary *e)
{
	publish_verdict(e, EXIT_SIGNAL + e->stop_signal);
	exit(EXIT_SIGNAL + e->stop_signal);
}

static void load_plan(struct emissary *e)
{
	char error[MESSAGE_SIZE];
	if (!read_plan(&e->plan, e->name, error, sizeof error))
		fail(e, EXIT_OURS, EXIT_OURS, "%s", error);
	const struct directive *refusal = next_directive(&e->plan, FAIL, NULL);
	if (refusal != NULL)
		fail(e, EXIT_OURS, EXIT_OURS, "%s", refusal->text);
}

static void await_dependency(struct emissary *e, const char *name)
{
	enum container_state state;
	int code;

	watch_container(e, name);
	while ((state = container_state(name, &code)) != ENDED) {
		if (state == DIED)
			fail(e, EXIT_OURS, EXIT_OURS, "dependency \"%s\" died without an exit code", name);
		sleep_until_event(e, NULL, 0, -1);
		if (e->stop_signal != 0)
			stop(e);
	}
	if (code != 0)
		fail(e, code, EXIT_OURS, "dependency \"%s\" exited with non-zero code: %d", name, code);
}

static void await_dependencies(struct emissary *e)
{
	const struct directive *dependency = NULL;
	while ((dependency = next_directive(&e->plan, DEPENDENCY, dependency)) != NULL)
		await_dependency(e, dependency->text);
}

/* ARGO_DEBUG_PAUSE_*: until somebody makes the file, or wants us gone. */
static void debug_pause(struct emissary *e, const char *variable, const char *file)
{
	if (!is_true(variable))
		return;
	while (faccessat(e->folder, file, F_OK, 0) != 0 && e->stop_signal == 0)
		sleep_until_event(e, NULL, 0, -1);
}

static void prepare_command(struct emissary *e)
{
	char error[MESSAGE_SIZE];
	const char *message = collect_arguments(&e->command, e->name);
	if (message != NULL)
		fail(e, EXIT_OURS, EXIT_OURS, "%s", message);
	if (is_true("ARGO_WAIT_FOR_READY"))
		await_supervisor(e);
	load_plan(e);
	probe_outputs(e);
	if (is_true("ARGO_WAIT_FOR_READY"))
		place_inputs(e);
	await_dependencies(e);
	if (!find_program(e->command[0], e->program, error, sizeof error))
		fail(e, EXIT_OURS, EXIT_OURS, "%s", error);
	if (!renew_trace_parent())
		fail(e, EXIT_OURS, EXIT_OURS, "cannot set TRACEPARENT: %s", reason(errno));
	leave_span(e->folder);
	debug_pause(e, "ARGO_DEBUG_PAUSE_BEFORE", "before");
	/* A signal that was there before us. */
	sleep_until_event(e, NULL, 0, 0);
	if (e->stop_signal != 0)
		stop(e);
}

void run_emissary(int argc, char **argv, int subcommand)
{
	struct emissary e;
	char error[MESSAGE_SIZE];

	open_emissary(&e, argc, argv, subcommand);
	if (e.command[0] == NULL)
		fail(&e, EXIT_OURS, EXIT_CRASH, "emissary needs a command: argoexec emissary -- COMMAND ARGUMENT…");
	prepare_command(&e);
	int code = run_command(&e, error, sizeof error);
	log_line(&e.log, LOG_INFO, "sub-process exited", "code", "%d", code);
	debug_pause(&e, "ARGO_DEBUG_PAUSE_AFTER", "after");
	/* A command that could not be started has left nothing to collect. */
	if (*error == '\0' && next_directive(&e.plan, COLLECTOR, NULL) != NULL) {
		end_leftovers(&e);
		open_outputs(&e);
	}
	publish_verdict(&e, code);
	serve_outputs(&e);
	if (*error != '\0')
		die(code, "%s", error);
	if (code != 0) {
		snprintf(error, sizeof error, "exit status %d", code);
		print_error(error);
	}
	exit(code);
}
