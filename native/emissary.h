/* The program around the user's command: its state, and the one loop that everything waits in. */
#ifndef EMISSARY_H
#define EMISSARY_H

#include "plan.h"
#include "report.h"
#include "shared.h"
#include "watch.h"

#include <poll.h>
#include <sys/types.h>

struct emissary {
	struct log log;
	const char *name; /* of the container; may be empty */
	int folder;	  /* ctr/<name> */
	int lock;
	int verdict;	  /* the exit code's file before it gets its name; its bytes are reserved */
	char verdict_name[ASIDE_SIZE];
	int signals;	  /* signalfd: every signal, none is ever delivered otherwise */
	struct watch files;  /* not open at first: see watch_files */
	int64_t began_ms;
	struct plan plan;

	char **command; /* the user's words, NULL behind the last */
	char program[PATH_SIZE];

	pid_t child;	   /* 0: none runs */
	int child_status;  /* of waitpid, once the child is gone */
	int tty;	   /* master side of the command's terminal, or -1 */
	bool keeps_sigterm; /* a plugin server: only the signal file ends it */

	int stop_signal;      /* the first TERM or KILL that reached us; 0: nobody asked us to stop */
	int64_t terminated_ms; /* when the first SIGTERM came, on the monotonic clock; 0: never */

	int listener;	  /* the outputs' socket, or -1 */
	bool hands_over;  /* there is no socket on this volume: outputs are left as files */
	int release[2];	  /* a serving child writes here when the collector is done; -1 */
};

/* `emissary … -- COMMAND ARG…`; never returns. */
_Noreturn void run_emissary(int argc, char **argv, int subcommand);

/* `artifact-plugin-sidecar … -- COMMAND ARG…`; never returns. */
_Noreturn void run_plugin_sidecar(int argc, char **argv, int subcommand);

/* Blocks every signal, takes the container's folder, lock and event sources. */
void open_emissary(struct emissary *e, int argc, char **argv, int subcommand);

/*
 * Sleeps until a signal, a file event, one of `extra`, or `deadline_ms` (monotonic; -1: none). Reaps, forwards
 * signals and obeys the signal file on the way. What happened is in `e` and in the `revents` of `extra`.
 */
void sleep_until_event(struct emissary *e, struct pollfd *extra, nfds_t count, int64_t deadline_ms);

/*
 * Begins to watch our own folder. Closing inotify takes the kernel some milliseconds, which a command that ends at
 * once need not pay for: the loop calls this a moment after the start, or whoever waits for a file.
 */
void watch_files(struct emissary *e);

/* Watches `ctr/<name>`, which is made where it is missing. */
void watch_container(struct emissary *e, const char *name);

/* Gives the exit code to the rest of the pod: the verdict on the command alone. */
void publish_verdict(struct emissary *e, int code);

/* Publishes `verdict`, reports the message and exits with `status`. */
_Noreturn void fail(struct emissary *e, int verdict, int status, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* ARGO_TERMINATION_GRACE_PERIOD_SECONDS in milliseconds; 30 s where it is absent or no use. */
int64_t grace_period_ms(void);

bool is_true(const char *variable);

#endif
