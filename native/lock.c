#include "lock.h"
#include "file.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Node marks the descriptors 0 to 15, and on to the first that is not open, to be closed on exec. The lock must
 * survive that Node replaces itself with standby, so its number lies far above.
 */
enum { DESCRIPTOR_FAR = 200 };

int take_lock(int folder)
{
	char aside[32];
	snprintf(aside, sizeof aside, ".lock.%d", (int)getpid());
	int fd = openat(folder, aside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return -1;
	/* Locked before it gets its name, so a `lock` that exists and is free belongs to the dead. */
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && renameat(folder, aside, folder, "lock") == 0)
		return fd;
	int error = errno;
	unlinkat(folder, aside, 0);
	close(fd);
	errno = error;
	return -1;
}

bool is_lock_free(const char *folder, bool *exists)
{
	char path[PATH_SIZE];
	int fd = format_path(path, "%s/lock", folder) ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	*exists = fd >= 0 || errno == EACCES;
	if (fd < 0)
		return false;
	/* Shared, so that two observers never take each other for the owner. */
	bool is_free = flock(fd, LOCK_SH | LOCK_NB) == 0;
	close(fd);
	return is_free;
}

enum container_state container_state(const char *folder)
{
	char path[PATH_SIZE];
	bool exists;

	/* The lock first: between the two looks a container may publish its exit code and end, not the other way. */
	bool is_free = is_lock_free(folder, &exists);
	if (format_path(path, "%s/exitcode", folder) && access(path, F_OK) == 0)
		return ENDED;
	if (is_free)
		return DIED;
	return exists ? RUNNING : NOT_STARTED;
}

bool is_container_gone(const char *folder)
{
	char path[PATH_SIZE];
	bool exists;
	bool is_free = is_lock_free(folder, &exists);

	/* Without a lock it has not started, or it is a program that knows none and has ended. */
	return exists ? is_free : format_path(path, "%s/exitcode", folder) && access(path, F_OK) == 0;
}

/* Whether ARGOEXEC_LOCK_HELD names an open descriptor of this very lock file. */
static bool is_held(int folder)
{
	const char *text = getenv("ARGOEXEC_LOCK_HELD");
	int64_t number;
	struct stat held;
	struct stat lock;

	return text != NULL && parse_number(text, INT32_MAX, &number) && fstat((int)number, &held) == 0 &&
	       fstatat(folder, "lock", &lock, 0) == 0 && held.st_dev == lock.st_dev && held.st_ino == lock.st_ino;
}

static bool take_inherited_lock(int folder)
{
	char number[16];
	int near = take_lock(folder);
	if (near < 0)
		return false;
	int far = fcntl(near, F_DUPFD, DESCRIPTOR_FAR);
	if (far < 0)
		far = fcntl(near, F_DUPFD, 3);
	int error = errno;
	close(near);
	errno = error;
	snprintf(number, sizeof number, "%d", far);
	return far >= 0 && setenv("ARGOEXEC_LOCK_HELD", number, 1) == 0;
}

void hold_lock_across_exec(void)
{
	const char *name = getenv("ARGO_CONTAINER_NAME");
	const struct log log = { .level = LOG_WARN };
	char path[PATH_SIZE];
	int folder = -1;

	if (name == NULL || *name == '\0')
		return;
	mode_t mask = umask(0);
	if (container_path(path, name, "") && make_folders(path, 0777))
		folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Without the lock only the emissary's patience grows; collecting outputs matters more. */
	if (folder < 0 || (!is_held(folder) && !take_inherited_lock(folder)))
		log_line(&log, LOG_WARN, "cannot take the container's lock", "error", "%s: %s", path, reason(errno));
	if (folder >= 0)
		close(folder);
	umask(mask);
}
