#include "command.h"
#include "capture.h"
#include "child.h"
#include "lock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Background descendants may hold the streams that long after the command itself has ended. */
enum { STRAGGLERS_MS = 100 };

/* Whether the emissary of every container that this sidecar serves has gone: before, outputs may still be saved. */
static bool is_sidecar_done(const struct emissary *e)
{
	const struct directive *main = next_directive(&e->plan, ENDS_WITH, NULL);

	if (main == NULL)
		return false;
	for (; main != NULL; main = next_directive(&e->plan, ENDS_WITH, main)) {
		if (!is_container_gone(main->text))
			return false;
	}
	return true;
}

static void watch_ends_with(struct emissary *e)
{
	const struct directive *main = NULL;
	while ((main = next_directive(&e->plan, ENDS_WITH, main)) != NULL)
		watch_container(e, main->text);
}

/*
 * A sidecar's end (docs/contract/pod.md#5.4.3): TERM, and KILL when the grace period is over
 * (docs/contract/scenarios.md#R5).
 */
struct sidecar_end {
	bool is_asked;
	int64_t kill_ms; /* -1: not now */
};

static void end_sidecar(struct emissary *e, struct sidecar_end *end)
{
	if (!end->is_asked && is_sidecar_done(e)) {
		end->is_asked = true;
		end->kill_ms = now_ms() + grace_period_ms();
		if (e->stop_signal == 0)
			e->stop_signal = SIGTERM;
		signal_child(e, SIGTERM);
	} else if (end->kill_ms >= 0 && now_ms() >= end->kill_ms) {
		end->kill_ms = -1;
		signal_child(e, SIGKILL);
	}
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Until the command has ended; its streams are copied on the way. */
static void supervise(struct emissary *e, struct capture *capture)
{
	struct sidecar_end end = { .kill_ms = -1 };
	struct pollfd fds[4];

	while (e->child > 0) {
		/* Whether the others have ended can only change with a file, or when a lock was released. */
		if (!end.is_asked || end.kill_ms >= 0)
			end_sidecar(e, &end);
		int64_t wake = earlier(end.kill_ms, held_until(capture, e));
		sleep_until_event(e, fds, capture_polls(capture, fds), wake);
		copy_ready(capture, &e->log);
	}
	int64_t until = now_ms() + STRAGGLERS_MS;
	while (is_capturing(capture) && now_ms() < until) {
		(void)held_until(capture, e);
		sleep_until_event(e, fds, capture_polls(capture, fds), until);
		copy_ready(capture, &e->log);
	}
	finish_streams(capture, &e->log);
	e->tty = -1;
}

static bool enter_raw_mode(struct termios *before)
{
	struct termios raw;
	if (tcgetattr(STDIN_FILENO, before) != 0)
		return false;
	raw = *before;
	cfmakeraw(&raw);
	return tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
}

/* One attempt; the command's status, or 64 with a message in `error` where it could not be started. */
static int run_once(struct emissary *e, struct capture *capture, char *error, size_t error_size)
{
	struct streams streams;
	struct termios terminal;

	*error = '\0';
	if (!open_streams(capture, e, &streams)) {
		snprintf(error, error_size, "failed to start command: pipe: %s", reason(errno));
		return EXIT_OURS;
	}
	bool is_raw = capture->is_terminal && enter_raw_mode(&terminal);
	int problem = start_child(e, &streams);
	close_streams(&streams);
	supervise(e, capture);
	if (is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &terminal);
	if (problem == 0)
		return exit_status(e->child_status);
	snprintf(error, error_size, "failed to start command: fork/exec %s: %s", e->program, reason(problem));
	return EXIT_OURS;
}

/* After a request to stop no attempt is begun (docs/contract/pod.md#defect-5). */
static int run_attempts(struct emissary *e, struct capture *capture, char *error, size_t error_size)
{
	const struct directive *attempts = next_directive(&e->plan, ATTEMPTS, NULL);
	const struct directive *pause = next_directive(&e->plan, PAUSE, NULL);

	for (int64_t left = attempts == NULL ? 1 : attempts->number;;) {
		int code = run_once(e, capture, error, error_size);
		if (code == 0 || --left == 0)
			return code;
		int64_t until = now_ms() + (pause == NULL ? 0 : pause->number);
		while (now_ms() < until && e->stop_signal == 0)
			sleep_until_event(e, NULL, 0, until);
		if (e->stop_signal != 0)
			return code;
	}
}

int run_command(struct emissary *e, char *error, size_t error_size)
{
	const char *failed = "";
	struct capture *capture = calloc(1, sizeof *capture);

	if (capture == NULL || !open_capture(capture, e, &failed))
		fail(e, EXIT_OURS, EXIT_OURS, "failed to open the capture file \"%s\": %s", failed, reason(errno));
	watch_ends_with(e);
	int code = run_attempts(e, capture, error, error_size);
	close_capture(capture);
	free(capture);
	return code;
}
