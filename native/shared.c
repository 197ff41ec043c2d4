#include "shared.h"
#include "file.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_closing(int fd, int error)
{
	close(fd);
	errno = error;
	return -1;
}

int open_folder(int folder, const char *name, bool makes)
{
	enum { FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

	if (strchr(name, '/') != NULL || strcmp(name, "..") == 0) {
		errno = EINVAL;
		return -1;
	}
	int fd = openat(folder, name, FLAGS);
	if (fd >= 0 || errno != ENOENT || !makes)
		return fd;
	if (mkdirat(folder, name, 0777) != 0 && errno != EEXIST)
		return -1;
	return openat(folder, name, FLAGS);
}

int open_container(const char *name, bool makes)
{
	char path[PATH_SIZE];

	/* The volume itself is mounted: the way to it is ours. */
	if (!root_path(path, "/var/run/argo") || (makes && !make_folders(path, 0777)))
		return -1;
	int shared = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shared < 0)
		return -1;
	int all = open_folder(shared, "ctr", makes);
	close(shared);
	/* A container without a name has the folder of all (docs/contract/pod.md#2.1). */
	if (all < 0 || *name == '\0')
		return all;
	int fd = open_folder(all, name, makes);
	return fd < 0 ? fail_closing(all, errno) : (close(all), fd);
}

int open_regular(int folder, const char *path, int flags)
{
	struct stat status;
	/* Never waiting for the writer of a FIFO. */
	int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags);

	if (fd < 0)
		return -1;
	if (fstat(fd, &status) != 0)
		return fail_closing(fd, errno);
	return S_ISREG(status.st_mode) ? fd : fail_closing(fd, EINVAL);
}

void aside_name(char name[static ASIDE_SIZE], const char *base)
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
		random = (uint64_t)now_ms() << 20 ^ (uint64_t)getpid();
	snprintf(name, ASIDE_SIZE, ".%.40s.%016llx", base, (unsigned long long)random);
}

bool give_name(int folder, const char *aside, const char *name)
{
	char away[ASIDE_SIZE];

	if (renameat(folder, aside, folder, name) == 0)
		return true;
	if (errno != EISDIR && errno != ENOTEMPTY && errno != EEXIST)
		return false;
	/* A folder of that name would be in the way for ever. */
	aside_name(away, "away");
	return renameat(folder, name, folder, away) == 0 && renameat(folder, aside, folder, name) == 0;
}

bool publish_file(int folder, const char *name, const char *text, mode_t mode)
{
	char aside[ASIDE_SIZE];

	aside_name(aside, name);
	int fd = openat(folder, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return false;
	bool is_done = write_all(fd, text, strlen(text)) && give_name(folder, aside, name);
	int error = errno;
	close(fd);
	if (!is_done)
		(void)unlinkat(folder, aside, 0);
	errno = error;
	return is_done;
}
