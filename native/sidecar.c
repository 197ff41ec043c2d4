/* The program around a plugin's server (docs/contract/pod.md#5.3). */
#include "child.h"
#include "emissary.h"

#include <stdlib.h>

void run_plugin_sidecar(int argc, char **argv, int subcommand)
{
	struct emissary e;
	char error[MESSAGE_SIZE];
	const struct streams inherited = { -1, -1, -1 };

	open_emissary(&e, argc, argv, subcommand);
	/* The server is needed until the outputs are saved: not SIGTERM but the signal file ends it. */
	e.keeps_sigterm = true;
	if (e.command[0] == NULL)
		fail(&e, EXIT_OURS, EXIT_CRASH, "artifact-plugin-sidecar needs a command behind --");
	if (!find_program(e.command[0], e.program, error, sizeof error))
		fail(&e, EXIT_OURS, EXIT_OURS, "%s", error);
	int problem = start_child(&e, &inherited);
	if (problem != 0)
		fail(&e, EXIT_OURS, EXIT_OURS, "failed to start command: fork/exec %s: %s", e.program, reason(problem));
	while (e.child > 0)
		sleep_until_event(&e, NULL, 0, -1);
	int code = exit_status(e.child_status);
	if (e.stop_signal == 0)
		log_line(&e.log, LOG_ERROR, "the plugin ended before it was asked to", "code", "%d", code);
	publish_verdict(&e, code);
	/* The server's own code is in `exitcode`; whoever needed it reports the failure (docs/contract/pod.md#1.2). */
	exit(0);
}
