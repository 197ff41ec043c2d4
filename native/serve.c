#include "serve.h"
#include "initless.h"
#include "lock.h"
#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	COLLECTOR_NEVER_CAME_MS = 10 * 60 * 1000,
	COLLECTOR_DIED_MS = 5 * 1000,
	/* What is left of the grace period for the end itself. */
	GRACE_RESERVE_MS = 2 * 1000,
	BACKLOG = 16,
};

/* A unix address holds 108 bytes; relative to the folder the name always fits. */
static bool bind_in_folder(int listener, int folder, char name[static ASIDE_SIZE])
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool is_bound = false;

	aside_name(name, "outputs");
	strcpy(address.sun_path, name);
	if (fchdir(folder) == 0)
		is_bound = bind(listener, (struct sockaddr *)&address, sizeof address) == 0 &&
			   chmod(address.sun_path, 0666) == 0;
	int error = errno;
	if (home >= 0) {
		if (fchdir(home) != 0)
			error = errno;
		close(home);
	}
	errno = error;
	return is_bound;
}

static bool open_listener(struct emissary *e)
{
	char name[ASIDE_SIZE];

	e->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return e->listener >= 0 && bind_in_folder(e->listener, e->folder, name) && listen(e->listener, BACKLOG) == 0 &&
	       pipe2(e->release, O_CLOEXEC | O_NONBLOCK) == 0 && give_name(e->folder, name, "outputs");
}

void probe_outputs(struct emissary *e)
{
	char name[ASIDE_SIZE];

	if (next_directive(&e->plan, COLLECTOR, NULL) == NULL)
		return;
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener < 0 || !bind_in_folder(listener, e->folder, name))
		log_line(&e->log, LOG_WARN, "this volume has no sockets: outputs will be handed over as files on it",
			 "error", "%s", reason(errno));
	else
		(void)unlinkat(e->folder, name, 0);
	if (listener >= 0)
		close(listener);
}

/* The child of a connection, or of a file: everything that must not outlive or delay the emissary is let go of. */
static void become_server(struct emissary *e, pid_t emissary)
{
	struct rlimit files;

	/* The lock says that the emissary lives; a child must not hold it. */
	close(e->lock);
	if (e->listener >= 0)
		close(e->listener);
	close(e->signals);
	close_watch(&e->files);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != emissary)
		_exit(EXIT_OURS);
	/* A walk holds one descriptor a level. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static _Noreturn void serve_client(struct emissary *e, int connection)
{
	struct view view;
	const struct server server = { .plan = &e->plan, .view = &view, .release = e->release[1] };

	if (open_own_view(&view))
		serve_connection(&server, connection);
	_exit(0);
}

static void accept_connection(struct emissary *e)
{
	pid_t emissary = getpid();
	int connection = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);

	if (connection < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		become_server(e, emissary);
		serve_client(e, connection);
	}
	if (pid < 0)
		log_line(&e->log, LOG_WARN, "cannot serve an output", "error", "fork: %s", reason(errno));
	close(connection);
}

/* The answer to `tar`, as it would go to a client. A child writes it: what cannot be written ends it. */
static void write_answer(struct emissary *e, int folder, const struct directive *output, size_t index)
{
	char name[24];
	struct view view;
	const struct server server = { .plan = &e->plan, .view = &view, .release = -1 };
	const struct request request = { .kind = REQUEST_TAR, .path = output->text };
	struct stream *stream = calloc(1, sizeof *stream);

	snprintf(name, sizeof name, "%zu", index);
	if (stream == NULL || !open_own_view(&view))
		return;
	stream->fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (stream->fd >= 0)
		answer_request(&server, stream, &request);
}

static void hand_over(struct emissary *e, int folder)
{
	const struct directive *output = NULL;
	pid_t emissary = getpid();

	for (size_t index = 0; (output = next_directive(&e->plan, OUTPUT, output)) != NULL; index++) {
		pid_t pid = fork();
		if (pid == 0) {
			become_server(e, emissary);
			write_answer(e, folder, output, index);
			_exit(0);
		}
		while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
}

/* Where no socket can be had: one file for each output, in the plan's order. */
static bool leave_outputs(struct emissary *e)
{
	char name[ASIDE_SIZE];

	aside_name(name, "handed");
	int folder = mkdirat(e->folder, name, 0755) == 0 ? open_folder(e->folder, name, false) : -1;
	if (folder < 0)
		return false;
	hand_over(e, folder);
	close(folder);
	return give_name(e->folder, name, "handed");
}

struct collector {
	const char *name;
	bool was_seen;
	int64_t died_ms; /* -1: alive, or never seen */
};

static void look_at_collector(struct collector *collector)
{
	bool exists;
	int folder = open_container(collector->name, false);
	bool is_dead = is_lock_free(folder, &exists);

	if (folder >= 0)
		close(folder);
	collector->was_seen |= exists;
	if (!is_dead)
		collector->died_ms = -1;
	else if (collector->died_ms < 0)
		collector->died_ms = now_ms();
}

/* When serving ends on its own, by what is known now. */
static int64_t serving_ends_ms(const struct emissary *e, const struct collector *collector, int64_t ended_ms)
{
	int64_t end = INT64_MAX;

	if (!collector->was_seen)
		end = ended_ms + COLLECTOR_NEVER_CAME_MS;
	if (collector->died_ms >= 0)
		end = collector->died_ms + COLLECTOR_DIED_MS;
	/* A collector that lives knows when it is done: KILL is the kubelet's to send. */
	if (e->terminated_ms > 0 && (!collector->was_seen || collector->died_ms >= 0)) {
		int64_t grace = e->terminated_ms + grace_period_ms() - GRACE_RESERVE_MS;
		end = grace < end ? grace : end;
	}
	return end;
}

static bool is_released(const struct emissary *e)
{
	char byte;
	if (e->hands_over)
		return faccessat(e->folder, "released", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return read(e->release[0], &byte, 1) == 1;
}

/* False where the collector did not say that it is done. */
static bool serve_until_released(struct emissary *e, struct collector *collector)
{
	int64_t ended_ms = now_ms();

	for (;;) {
		look_at_collector(collector);
		int64_t end = serving_ends_ms(e, collector, ended_ms);
		if (now_ms() >= end)
			return false;
		struct pollfd fds[] = {
			{ .fd = e->listener, .events = POLLIN },
			{ .fd = e->release[0], .events = POLLIN },
		};
		sleep_until_event(e, fds, 2, end == INT64_MAX ? -1 : end);
		if (fds[0].revents != 0)
			accept_connection(e);
		if ((e->hands_over || fds[1].revents != 0) && is_released(e))
			return true;
	}
}

void open_outputs(struct emissary *e)
{
	if (next_directive(&e->plan, COLLECTOR, NULL) == NULL || open_listener(e))
		return;
	if (e->listener >= 0)
		close(e->listener);
	e->listener = -1;
	e->hands_over = leave_outputs(e);
	if (!e->hands_over)
		log_line(&e->log, LOG_ERROR, "cannot serve outputs", "error", "%s", reason(errno));
}

void serve_outputs(struct emissary *e)
{
	struct collector collector = { .died_ms = -1 };
	const struct directive *named = next_directive(&e->plan, COLLECTOR, NULL);

	if ((e->listener < 0 && !e->hands_over) || named == NULL)
		return;
	collector.name = named->text;
	watch_container(e, named->text);
	if (!serve_until_released(e, &collector))
		log_line(&e->log, LOG_WARN, "outputs are served no longer", "reason", "%s",
			 e->terminated_ms > 0 ? "the pod is being terminated" :
			 collector.was_seen   ? "the collecting container is gone" :
						"no container came to collect them");
	(void)remove_tree(e->folder, e->hands_over ? "handed" : "outputs");
}
