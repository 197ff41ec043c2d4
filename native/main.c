/* argoexec: picks the subcommand (docs/contract/pod.md#1). */
#include "dispatch.h"
#include "emissary.h"
#include "flags.h"
#include "serve-files.h"
#include "shared.h"
#include "standby.h"
#include "text.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef ARGOEXEC_VERSION
#define ARGOEXEC_VERSION "development"
#endif
#ifndef ARGOEXEC_COMMIT
#define ARGOEXEC_COMMIT "unknown"
#endif
#ifndef ARGOEXEC_DATE
#define ARGOEXEC_DATE "unknown"
#endif
#ifndef ARGOEXEC_PLATFORM
#define ARGOEXEC_PLATFORM "linux"
#endif

static _Noreturn void run_version(int argc, char **argv, int subcommand)
{
	struct flags flags = parse_flags(argc, argv, subcommand);

	printf("argoexec: %s\n", ARGOEXEC_VERSION);
	if (!flags.is_short)
		printf("  BuildDate: %s\n  GitCommit: %s\n  GitTreeState: clean\n  GoVersion: none\n"
		       "  Compiler: C %s\n  Platform: %s\n",
		       ARGOEXEC_DATE, ARGOEXEC_COMMIT, __VERSION__, ARGOEXEC_PLATFORM);
	exit(fflush(stdout) == 0 ? 0 : EXIT_OURS);
}

/* The names that the contract's readers know; strsignal's differ from one C library to the other. */
static const char *signal_name(int signal, char *buffer, size_t size)
{
	static const char *const names[] = {
		[SIGHUP] = "hangup",	      [SIGINT] = "interrupt",		   [SIGQUIT] = "quit",
		[SIGILL] = "illegal instruction", [SIGTRAP] = "trace/breakpoint trap", [SIGABRT] = "aborted",
		[SIGBUS] = "bus error",	      [SIGFPE] = "floating point exception", [SIGKILL] = "killed",
		[SIGUSR1] = "user defined signal 1", [SIGSEGV] = "segmentation fault", [SIGUSR2] = "user defined signal 2",
		[SIGPIPE] = "broken pipe",    [SIGALRM] = "alarm clock",	   [SIGTERM] = "terminated",
	};
	if (signal < (int)(sizeof names / sizeof names[0]) && names[signal] != NULL)
		return names[signal];
	snprintf(buffer, size, "signal %d", signal);
	return buffer;
}

/*
 * The kernel discards SIGKILL from inside for PID 1. So the emissary is asked by file to kill its command
 * (docs/contract/pod.md#defect-10); exec sessions have the container's environment.
 */
static void leave_kill_request(int signal)
{
	const char *name = getenv("ARGO_CONTAINER_NAME");

	if (signal != SIGKILL || name == NULL || *name == '\0')
		return;
	int folder = open_container(name, false);
	if (folder < 0)
		return;
	if (!publish_file(folder, "signal", "9", 0666)) {
		const struct log log = { .level = LOG_WARN };
		log_line(&log, LOG_WARN, "cannot leave a signal", "error", "%s: %s", name, reason(errno));
	}
	close(folder);
}

static _Noreturn void run_kill(int argc, char **argv, int subcommand)
{
	forgo_termination_message();
	struct flags flags = parse_flags(argc, argv, subcommand);
	char text[128];
	int64_t signal;
	int64_t pid;

	if (flags.rest + 2 > argc) {
		print_error("kill needs two numbers: argoexec kill SIGNAL PID");
		exit(EXIT_CRASH);
	}
	if (!parse_number(argv[flags.rest], SIGRTMAX, &signal) || !parse_number(argv[flags.rest + 1], INT32_MAX, &pid) ||
	    pid == 0) {
		print_error("kill needs two numbers: argoexec kill SIGNAL PID");
		exit(EXIT_OURS);
	}
	printf("killing %lld with %s\n", (long long)pid, signal_name((int)signal, text, sizeof text));
	(void)fflush(stdout);
	if (pid == 1)
		leave_kill_request((int)signal);
	if (kill((pid_t)pid, (int)signal) != 0) {
		snprintf(text, sizeof text, "kill %lld: %s", (long long)pid, reason(errno));
		print_error(text);
		exit(EXIT_OURS);
	}
	exit(0);
}

static const struct {
	const char *name;
	void (*run)(int argc, char **argv, int subcommand);
	const char *usage;
	const char *about;
} commands[] = {
	{ "emissary", run_emissary, "[flags] -- COMMAND [ARGUMENT...]",
	  "Runs a step's command as the first process of its container: passes signals on, reaps orphans, captures\n"
	  "output, publishes the exit code and serves outputs. The controller starts it." },
	{ "artifact-plugin-sidecar", run_plugin_sidecar, "[flags] -- COMMAND [ARGUMENT...]",
	  "Runs the server of an artifact plugin until the step has ended. The controller starts it." },
	{ "kill", run_kill, "SIGNAL PID", "Sends a signal, given by its number, to a process of this container." },
	{ "version", run_version, "[--short]", "Prints the version; with --short, nothing else." },
	{ "serve-files", run_serve_files, "--root FOLDER --inputs FOLDER [--mount FOLDER]...",
	  "Serves the files below a folder on its descriptor 3, to the program that started it. Internal:\n"
	  "native/README.md, \"Serving outputs\"." },
};

static const char common_flags[] = "      --loglevel LEVEL      debug, info, warn or error (default info)\n"
				   "      --log-format FORMAT   text or json (default text)\n"
				   "  -h, --help                this text\n"
				   "Flags that kubectl has are accepted and without effect.\n";

static bool wants_help(int argc, char **argv, int subcommand)
{
	for (int i = subcommand + 1; i < argc && strcmp(argv[i], "--") != 0 && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	hold_signals();
	int subcommand = find_subcommand(argc, argv);
	const char *name = subcommand < argc ? argv[subcommand] : "";

	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(name, commands[i].name) != 0)
			continue;
		if (wants_help(argc, argv, subcommand)) {
			printf("Usage: argoexec %s %s\n\n%s\n\n%s", name, commands[i].usage, commands[i].about,
			       common_flags);
			return fflush(stdout) == 0 ? 0 : EXIT_OURS;
		}
		commands[i].run(argc, argv, subcommand);
	}
	run_node(argc, argv, name);
}
