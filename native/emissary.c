/* The life of a container's command, from top to bottom (contract pod.md 5.4). */
#include "emissary.h"
#include "args.h"
#include "capture.h"
#include "child.h"
#include "file.h"
#include "flags.h"
#include "initless.h"
#include "lock.h"
#include "serve.h"
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

enum {
	/* Background descendants may hold the streams that long after the command itself has ended. */
	STRAGGLERS_MS = 100,
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
	    renameat(e->folder, ".exitcode.new", e->folder, "exitcode") != 0)
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

/* The end on request before the command ran: the signal's status, and no message. */
static _Noreturn void stop(struct emissary *e)
{
	publish_verdict(e, EXIT_SIGNAL + e->stop_signal);
	exit(EXIT_SIGNAL + e->stop_signal);
}

/* What an earlier sandbox of this pod left behind would be taken for ours (contract pod.md, defect 33). */
static void remove_stale_files(struct emissary *e)
{
	static const char *const names[] = { "exitcode", "stdout", "combined", "outputs", "staging-failed" };
	bool was_here = faccessat(e->folder, "lock", F_OK, 0) == 0 || faccessat(e->folder, "exitcode", F_OK, 0) == 0;

	/* A signal without a predecessor is meant for us: it was sent before we started. */
	if (was_here)
		(void)unlinkat(e->folder, "signal", 0);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)unlinkat(e->folder, names[i], 0);
}

static void open_folder(struct emissary *e)
{
	char path[PATH_SIZE];

	umask(0);
	if (!container_path(path, e->name, "") || !make_folders(path, 0777))
		die(EXIT_OURS, "failed to create %s: %s", path, reason(errno));
	e->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (e->folder < 0)
		die(EXIT_OURS, "open %s: %s", path, reason(errno));
}

static void claim_folder(struct emissary *e)
{
	remove_stale_files(e);
	e->verdict = openat(e->folder, ".exitcode.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (e->verdict < 0 || pwrite(e->verdict, "64  ", VERDICT_BYTES, 0) != VERDICT_BYTES)
		die(EXIT_OURS, "cannot write the exit code of container \"%s\": %s", e->name, reason(errno));
	e->lock = take_lock(e->folder);
	if (e->lock < 0)
		fail(e, EXIT_OURS, EXIT_OURS, "cannot take the lock of container \"%s\": %s", e->name, reason(errno));
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
	open_folder(e);
	claim_folder(e);
	/* Orphans are ours to reap; PID 1 has them anyway. */
	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		log_line(&e->log, LOG_WARN, "orphans will not be reaped", "error", "prctl: %s", reason(errno));
}

void watch_files(struct emissary *e)
{
	char path[PATH_SIZE];
	if (e->files.is_open)
		return;
	open_watch(&e->files);
	if (container_path(path, e->name, ""))
		watch_folder(&e->files, path, watch_published);
}

void watch_container(struct emissary *e, const char *name)
{
	char path[PATH_SIZE];
	watch_files(e);
	if (!container_path(path, name, "") || !make_folders(path, 0777))
		fail(e, EXIT_OURS, EXIT_OURS, "failed to create %s: %s", path, reason(errno));
	watch_folder(&e->files, path, watch_published);
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

/* The number in a container's `exitcode`; -1 while there is none (a writer may be half-way through). */
static int read_exit_code(const char *name)
{
	char path[PATH_SIZE];
	char text[32];
	int64_t code;

	if (!container_path(path, name, "exitcode") || read_small(AT_FDCWD, path, text, sizeof text) <= 0)
		return -1;
	return parse_number(trim(text), INT32_MAX, &code) ? (int)code : -1;
}

static void await_dependency(struct emissary *e, const char *name)
{
	char path[PATH_SIZE];
	int code;

	watch_container(e, name);
	(void)container_path(path, name, "");
	while ((code = read_exit_code(name)) < 0) {
		if (container_state(path) == DIED)
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

/* Whether the emissary of every container that this sidecar serves has gone: before, outputs may still be saved. */
static bool is_sidecar_done(const struct emissary *e)
{
	char path[PATH_SIZE];
	const struct directive *main = next_directive(&e->plan, ENDS_WITH, NULL);

	if (main == NULL)
		return false;
	for (; main != NULL; main = next_directive(&e->plan, ENDS_WITH, main)) {
		if (!container_path(path, main->text, "") || !is_container_gone(path))
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

/* A sidecar's end (contract pod.md 5.4.3): TERM, and KILL when the grace period is over (scenario R5). */
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

/* Until the command has ended; its streams are copied on the way. */
static void supervise(struct emissary *e, struct capture *capture)
{
	struct sidecar_end end = { .kill_ms = -1 };
	struct pollfd fds[4];

	while (e->child > 0) {
		/* Whether the others have ended can only change with a file, or when a lock was released. */
		if (!end.is_asked || end.kill_ms >= 0)
			end_sidecar(e, &end);
		sleep_until_event(e, fds, capture_polls(capture, fds), end.kill_ms);
		copy_ready(capture, &e->log);
	}
	int64_t until = now_ms() + STRAGGLERS_MS;
	while (is_capturing(capture) && now_ms() < until) {
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

/* All attempts (contract pod.md 5.4 step 11); after a request to stop none is begun (defect 5). */
static int run_command(struct emissary *e, char *error, size_t error_size)
{
	const struct directive *attempts = next_directive(&e->plan, ATTEMPTS, NULL);
	const struct directive *pause = next_directive(&e->plan, PAUSE, NULL);
	const char *failed;
	struct capture *capture = calloc(1, sizeof *capture);

	if (capture == NULL || !open_capture(capture, e, &failed))
		fail(e, EXIT_OURS, EXIT_OURS, "failed to open the capture file \"%s\": %s", failed, reason(errno));
	watch_ends_with(e);
	for (int64_t left = attempts == NULL ? 1 : attempts->number;;) {
		int code = run_once(e, capture, error, error_size);
		if (code == 0 || --left == 0 || e->stop_signal != 0)
			return code;
		int64_t until = now_ms() + (pause == NULL ? 0 : pause->number);
		while (now_ms() < until && e->stop_signal == 0)
			sleep_until_event(e, NULL, 0, until);
		if (e->stop_signal != 0)
			return code;
	}
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
	if (is_true("ARGO_WAIT_FOR_READY"))
		place_inputs(e);
	await_dependencies(e);
	if (!find_program(e->command[0], e->program, error, sizeof error))
		fail(e, EXIT_OURS, EXIT_OURS, "%s", error);
	if (!renew_trace_parent())
		fail(e, EXIT_OURS, EXIT_OURS, "cannot set TRACEPARENT: %s", reason(errno));
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
	if (*error == '\0')
		open_outputs(&e);
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
