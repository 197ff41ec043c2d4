/* The emissary's loop: signals, file events and descriptors. */
#include "child.h"
#include "emissary.h"
#include "file.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXTRA_MAX = 4, WATCH_AFTER_MS = 50 };

static void note_stop(struct emissary *e, int signal)
{
	if (signal != SIGTERM && signal != SIGKILL)
		return;
	if (e->stop_signal == 0)
		e->stop_signal = signal;
}

/* Reaps everything that has ended: the command, and orphans that were left to us (docs/contract/scenarios.md#R4). */
static void reap(struct emissary *e)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == e->child) {
			e->child_status = status;
			e->child = 0;
		}
	}
}

static void take_signal(struct emissary *e, const struct signalfd_siginfo *info)
{
	int signal = (int)info->ssi_signo;

	/* SIGCHLD and SIGURG are not forwarded, and a SIGPIPE of our own making is nobody else's business. */
	if (signal == SIGCHLD || signal == SIGURG || (signal == SIGPIPE && info->ssi_pid == (uint32_t)getpid()))
		return;
	if (signal == SIGWINCH && e->tty >= 0) {
		copy_window_size(e->tty);
		return;
	}
	if (signal == SIGTERM && e->keeps_sigterm)
		return;
	if (signal == SIGTERM && e->terminated_ms == 0)
		e->terminated_ms = now_ms();
	note_stop(e, signal);
	signal_child(e, signal);
}

static void take_signals(struct emissary *e)
{
	struct signalfd_siginfo info[8];
	ssize_t length;

	while ((length = read(e->signals, info, sizeof info)) > 0) {
		for (size_t i = 0; i < (size_t)length / sizeof info[0]; i++)
			take_signal(e, &info[i]);
	}
	/* One SIGCHLD may stand for many children; a lost one must not leave a zombie either. */
	reap(e);
}

/* Reads `signal`; 0 where it holds no signal number (yet). */
static int read_signal_file(struct emissary *e)
{
	char text[32];
	int64_t signal;

	if (read_small(e->folder, "signal", text, sizeof text) <= 0)
		return 0;
	return parse_number(trim(text), SIGRTMAX, &signal) ? (int)signal : 0;
}

/* Signals by file (docs/contract/pod.md#5.8), until the very end: SIGKILL may follow SIGTERM. */
static void obey_signal_file(struct emissary *e)
{
	int signal = read_signal_file(e);

	if (signal == 0 || unlinkat(e->folder, "signal", 0) != 0)
		return;
	note_stop(e, signal);
	signal_child(e, signal);
}

/* How long poll may sleep. */
static int sleep_timeout(struct emissary *e, int64_t deadline_ms)
{
	int64_t now = now_ms();

	if (!e->files.is_open && now >= e->began_ms + WATCH_AFTER_MS)
		watch_files(e);
	if (!e->files.is_open && (deadline_ms < 0 || deadline_ms > e->began_ms + WATCH_AFTER_MS))
		deadline_ms = e->began_ms + WATCH_AFTER_MS;
	/* At first without an event too: a file that was there before the watch raises none. */
	if (e->files.has_news || (deadline_ms >= 0 && deadline_ms <= now))
		return 0;
	return watch_timeout(&e->files, deadline_ms < 0 ? -1 : deadline_ms - now);
}

void sleep_until_event(struct emissary *e, struct pollfd *extra, nfds_t count, int64_t deadline_ms)
{
	int timeout = sleep_timeout(e, deadline_ms);
	struct pollfd fds[2 + EXTRA_MAX] = {
		{ .fd = e->signals, .events = POLLIN },
		{ .fd = e->files.fd, .events = POLLIN },
	};

	if (count > 0)
		memcpy(fds + 2, extra, count * sizeof *extra);
	if (poll(fds, 2 + count, timeout) < 0) {
		if (errno != EINTR && errno != EAGAIN)
			abort();
		return;
	}
	if (fds[1].revents != 0)
		drain_watch(&e->files);
	if (fds[0].revents != 0)
		take_signals(e);
	if (count > 0)
		memcpy(extra, fds + 2, count * sizeof *extra);
	if (e->files.has_news || e->files.polls)
		obey_signal_file(e);
	e->files.has_news = false;
}
