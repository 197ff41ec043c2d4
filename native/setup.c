/* The emissary's beginning and its verdict: the container's folder, lock and event sources. */
#include "capture-file.h"
#include "child.h"
#include "emissary.h"
#include "file.h"
#include "flags.h"
#include "initless.h"
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	GRACE_DEFAULT_S = 30,
	/* Room for any number, so that publishing it needs no new block on a full disk. */
	VERDICT_BYTES = 4,
};

bool is_true(const char *variable)
{
	const char *value = getenv(variable);
	return value != NULL && strcmp(value, "true") == 0;
}

int64_t grace_period_ms(void)
{
	const char *text = getenv("ARGO_TERMINATION_GRACE_PERIOD_SECONDS");
	int64_t seconds;
	if (text == NULL || !parse_number(text, INT32_MAX, &seconds) || seconds == 0)
		seconds = GRACE_DEFAULT_S;
	return seconds * 1000;
}

void publish_verdict(struct emissary *e, int code)
{
	char text[16];
	if (e->verdict < 0)
		return;
	int length = snprintf(text, sizeof text, "%d", code);
	if (pwrite(e->verdict, text, (size_t)length, 0) != length || ftruncate(e->verdict, length) != 0 ||
	    !give_name(e->folder, e->verdict_name, "exitcode"))
		log_line(&e->log, LOG_ERROR, "cannot publish the exit code", "error", "%s", reason(errno));
	close(e->verdict);
	e->verdict = -1;
}

void fail(struct emissary *e, int verdict, int status, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	publish_verdict(e, verdict);
	die(status, "%s", text);
}

/* What an earlier sandbox of this pod left behind would be taken for ours (docs/contract/pod.md#defect-33). */
static void remove_stale_files(struct emissary *e)
{
	static const char *const names[] = { "exitcode", "stdout",	   "combined", "outputs",
					     "handed",	 "staging-failed", "released", "span", "spool-ended" };
	bool was_here = faccessat(e->folder, "lock", F_OK, 0) == 0 || faccessat(e->folder, "exitcode", F_OK, 0) == 0;

	/* A signal without a predecessor is meant for us: it was sent before we started. */
	if (was_here) {
		(void)unlinkat(e->folder, "signal", 0);
		remove_segments(e->folder, "combined");
	}
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)remove_tree(e->folder, names[i]);
}

static void open_own_folder(struct emissary *e)
{
	umask(0);
	e->folder = open_container(e->name, true);
	if (e->folder < 0)
		die(EXIT_OURS, "failed to create the folder of container \"%s\" below /var/run/argo: %s", e->name,
		    reason(errno));
}

static void claim_folder(struct emissary *e)
{
	bool is_held;

	remove_stale_files(e);
	aside_name(e->verdict_name, "exitcode");
	e->verdict = openat(e->folder, e->verdict_name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (e->verdict < 0 || pwrite(e->verdict, "64  ", VERDICT_BYTES, 0) != VERDICT_BYTES)
		die(EXIT_OURS, "cannot write the exit code of container \"%s\": %s", e->name, reason(errno));
	e->lock = take_lock(e->folder, &is_held);
	if (e->lock < 0)
		fail(e, EXIT_OURS, EXIT_OURS, "cannot take the lock of container \"%s\": %s", e->name, reason(errno));
	if (!is_held)
		log_line(&e->log, LOG_WARN,
			 "this volume has no locks: that a container was killed shows when the pod is ended", "error", "%s",
			 reason(errno));
}

void open_emissary(struct emissary *e, int argc, char **argv, int subcommand)
{
	sigset_t all;
	const char *name = getenv("ARGO_CONTAINER_NAME");

	*e = (struct emissary){ .name = name == NULL ? "" : name, .folder = -1, .verdict = -1, .tty = -1,
				.listener = -1, .release = { -1, -1 }, .began_ms = now_ms(),
				.files = { .fd = -1, .has_news = true } };
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, NULL) != 0)
		die(EXIT_OURS, "sigprocmask: %s", reason(errno));
	e->signals = signalfd(-1, &all, SFD_NONBLOCK | SFD_CLOEXEC);
	if (e->signals < 0)
		die(EXIT_OURS, "signalfd: %s", reason(errno));
	struct flags flags = parse_flags(argc, argv, subcommand);
	e->log = flags.log;
	e->command = argv + flags.rest;
	open_own_folder(e);
	claim_folder(e);
	/* Orphans are ours to reap; PID 1 has them anyway. */
	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		log_line(&e->log, LOG_WARN, "orphans will not be reaped", "error", "prctl: %s", reason(errno));
}

void watch_files(struct emissary *e)
{
	if (e->files.is_open)
		return;
	open_watch(&e->files);
	/* That a segment is gone means that it was taken away. */
	watch_open_folder(&e->files, e->folder, watch_published | IN_DELETE);
}

void watch_container(struct emissary *e, const char *name)
{
	watch_files(e);
	int folder = open_container(name, true);
	if (folder < 0)
		fail(e, EXIT_OURS, EXIT_OURS, "failed to create the folder of container \"%s\" below /var/run/argo: %s",
		     name, reason(errno));
	watch_open_folder(&e->files, folder, watch_published);
	close(folder);
}
