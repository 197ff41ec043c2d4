#include "leftovers.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A process that waits for a disk dies when the disk has answered. */
enum { PATIENCE_MS = 2000, PAUSE_US = 500 };

/* Reaps; whether children are left. */
static bool has_children(void)
{
	pid_t pid;
	while ((pid = waitpid(-1, NULL, WNOHANG)) > 0)
		;
	return pid == 0;
}

/* The parent of a process by /proc/<pid>/stat, whose second field may hold any byte; -1 where it is gone. */
static long parent_of(int proc, const char *pid)
{
	char path[64];
	char text[512];

	snprintf(path, sizeof path, "%.20s/stat", pid);
	if (read_small(proc, path, text, sizeof text) <= 0)
		return -1;
	const char *end = strrchr(text, ')');
	return end == NULL || strlen(end) < 4 ? -1 : strtol(end + 4, NULL, 10);
}

/* Orphans below us become our children, so in a few rounds everything has been one. */
static void kill_children(void)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	if (processes == NULL)
		return;
	while ((entry = readdir(processes)) != NULL) {
		if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
			continue;
		if (parent_of(dirfd(processes), entry->d_name) == (long)getpid())
			(void)kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
	}
	closedir(processes);
}

void end_leftovers(struct emissary *e)
{
	int64_t end = now_ms() + PATIENCE_MS;

	while (has_children() && now_ms() < end) {
		/* The first process of a container may signal all others, and sees no other container's. */
		if (getpid() == 1)
			(void)kill(-1, SIGKILL);
		else
			kill_children();
		usleep(PAUSE_US);
	}
	if (has_children())
		log_line(&e->log, LOG_WARN, "something that the command left behind cannot be ended", "patience", "%d ms",
			 PATIENCE_MS);
}
