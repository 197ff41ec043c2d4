#include "lock.h"
#include "file.h"
#include "report.h"
#include "shared.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* What flock says on a file system that has no locks. */
static bool lacks_locks(int error)
{
	return error == ENOLCK || error == EOPNOTSUPP || error == ENOSYS || error == EINVAL;
}

int take_lock(int folder, bool *is_held)
{
	char aside[ASIDE_SIZE];

	aside_name(aside, "lock");
	int fd = openat(folder, aside, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return -1;
	/* Locked before it gets its name, so a `lock` that exists and is free belongs to the dead. */
	*is_held = flock(fd, LOCK_EX | LOCK_NB) == 0;
	if ((*is_held || lacks_locks(errno)) && give_name(folder, aside, "lock"))
		return fd;
	int error = errno;
	unlinkat(folder, aside, 0);
	close(fd);
	errno = error;
	return -1;
}

bool is_lock_free(int folder, bool *exists)
{
	int fd = folder < 0 ? -1 : open_regular(folder, "lock", O_NOFOLLOW);
	*exists = fd >= 0 || (folder >= 0 && errno == EACCES);
	if (fd < 0)
		return false;
	/* Shared, so that two observers never take each other for the owner. Where nobody can lock, nobody is dead. */
	bool is_free = flock(fd, LOCK_SH | LOCK_NB) == 0;
	close(fd);
	return is_free;
}

int read_exit_code(int folder)
{
	enum { CODE_MAX = 255 };
	char text[32];
	int64_t code;

	if (folder < 0 || read_small(folder, "exitcode", text, sizeof text) <= 0)
		return -1;
	return parse_number(trim(text), CODE_MAX, &code) ? (int)code : -1;
}

enum container_state container_state(const char *name, int *code)
{
	bool exists;
	int folder = open_container(name, false);

	/* The lock first: between the two looks a container may publish its exit code and end, not the other way. */
	bool is_free = is_lock_free(folder, &exists);
	*code = read_exit_code(folder);
	if (folder >= 0)
		close(folder);
	if (*code >= 0)
		return ENDED;
	if (is_free)
		return DIED;
	return exists ? RUNNING : NOT_STARTED;
}

bool is_container_gone(const char *name)
{
	bool exists;
	int folder = open_container(name, false);
	bool is_free = is_lock_free(folder, &exists);
	int code = read_exit_code(folder);

	if (folder >= 0)
		close(folder);
	/* Without a lock it has not started, or it is a program that knows none and has ended. */
	return exists ? is_free : code >= 0;
}

void hold_lock(void)
{
	const char *name = getenv("ARGO_CONTAINER_NAME");
	const struct log log = { .level = LOG_WARN };
	bool is_held = false;

	if (name == NULL || *name == '\0')
		return;
	mode_t mask = umask(0);
	int folder = open_container(name, true);
	/* It is never closed. Without it only the emissary's patience grows; collecting outputs matters more. */
	int lock = folder < 0 ? -1 : take_lock(folder, &is_held);
	if (lock < 0 || !is_held)
		log_line(&log, LOG_WARN, "cannot take the container's lock", "error", "%s: %s", name, reason(errno));
	if (folder >= 0)
		close(folder);
	umask(mask);
}
