#include "serve.h"
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
#include <unistd.h>

enum {
	COLLECTOR_NEVER_CAME_MS = 10 * 60 * 1000,
	COLLECTOR_DIED_MS = 5 * 1000,
	/* What is left of the grace period for the end itself. */
	GRACE_RESERVE_MS = 2 * 1000,
	BACKLOG = 16,
};

/* A unix address holds 108 bytes; relative to the folder the name always fits. */
static bool bind_in_folder(int listener, int folder)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = ".outputs.new" };
	int home = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool is_bound = false;

	(void)unlinkat(folder, address.sun_path, 0);
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
	e->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return e->listener >= 0 && bind_in_folder(e->listener, e->folder) && listen(e->listener, BACKLOG) == 0 &&
	       pipe2(e->release, O_CLOEXEC | O_NONBLOCK) == 0 &&
	       renameat(e->folder, ".outputs.new", e->folder, "outputs") == 0;
}

/* The child of a connection: everything that must not outlive or delay the emissary is let go of. */
static _Noreturn void become_server(struct emissary *e, int connection, pid_t emissary)
{
	struct rlimit files;

	/* The lock says that the emissary lives; a child must not hold it. */
	close(e->lock);
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
	serve_connection(&e->plan, connection, e->release[1]);
	_exit(0);
}

static void accept_connection(struct emissary *e)
{
	pid_t emissary = getpid();
	int connection = accept4(e->listener, NULL, NULL, SOCK_CLOEXEC);

	if (connection < 0)
		return;
	pid_t pid = fork();
	if (pid == 0)
		become_server(e, connection, emissary);
	if (pid < 0)
		log_line(&e->log, LOG_WARN, "cannot serve an output", "error", "fork: %s", reason(errno));
	close(connection);
}

struct collector {
	char folder[PATH_SIZE];
	bool was_seen;
	int64_t died_ms; /* -1: alive, or never seen */
};

static void look_at_collector(struct collector *collector)
{
	bool exists;
	bool is_dead = is_lock_free(collector->folder, &exists);

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
	if (e->terminated_ms > 0) {
		int64_t grace = e->terminated_ms + grace_period_ms() - GRACE_RESERVE_MS;
		end = grace < end ? grace : end;
	}
	return end;
}

static bool is_released(const struct emissary *e)
{
	char byte;
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
		if (fds[1].revents != 0 && is_released(e))
			return true;
	}
}

void open_outputs(struct emissary *e)
{
	if (next_directive(&e->plan, COLLECTOR, NULL) == NULL || open_listener(e))
		return;
	log_line(&e->log, LOG_ERROR, "cannot serve outputs", "error", "%s", reason(errno));
	if (e->listener >= 0)
		close(e->listener);
	e->listener = -1;
}

void serve_outputs(struct emissary *e)
{
	struct collector collector = { .died_ms = -1 };
	const struct directive *named = next_directive(&e->plan, COLLECTOR, NULL);

	if (e->listener < 0 || named == NULL || !container_path(collector.folder, named->text, ""))
		return;
	watch_container(e, named->text);
	if (!serve_until_released(e, &collector))
		log_line(&e->log, LOG_WARN, "outputs are served no longer", "reason", "%s",
			 e->terminated_ms > 0 ? "the pod is being terminated" :
			 collector.was_seen   ? "the collecting container is gone" :
						"no container came to collect them");
	(void)unlinkat(e->folder, "outputs", 0);
}
