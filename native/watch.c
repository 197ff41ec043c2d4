#include "watch.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

const uint32_t watch_published = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO;

enum { POLL_MS = 2000, SETTLE_MAX_MS = 32000 };

void open_watch(struct watch *watch)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	*watch = (struct watch){ .is_open = true, .fd = fd, .polls = fd < 0, .has_news = true };
}

void close_watch(struct watch *watch)
{
	if (watch->fd >= 0)
		close(watch->fd);
	watch->fd = -1;
}

void watch_folder(struct watch *watch, const char *path, uint32_t events)
{
	watch->has_news = true;
	if (watch->fd < 0 || inotify_add_watch(watch->fd, path, events | IN_MASK_ADD) < 0)
		watch->polls = true;
}

void watch_open_folder(struct watch *watch, int folder, uint32_t events)
{
	char path[40];
	snprintf(path, sizeof path, "/proc/self/fd/%d", folder);
	watch_folder(watch, path, events);
}

/*
 * When a process dies, the kernel reports that its lock file was closed and releases the lock a moment later. So
 * after such an event the lock is looked at again and again, at growing intervals.
 */
static bool tells_of_lock(const struct inotify_event *event)
{
	return (event->mask & IN_Q_OVERFLOW) != 0 ||
	       ((event->mask & IN_CLOSE_WRITE) != 0 && event->len > 0 && strcmp(event->name, "lock") == 0);
}

void drain_watch(struct watch *watch)
{
	_Alignas(struct inotify_event) char events[4096];
	ssize_t length;

	while (watch->fd >= 0 && (length = read(watch->fd, events, sizeof events)) > 0) {
		watch->has_news = true;
		for (char *at = events; at < events + length;) {
			const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
			if (tells_of_lock(event))
				watch->settle_ms = 1;
			at += sizeof *event + event->len;
		}
	}
}

int watch_timeout(struct watch *watch, int64_t timeout)
{
	if (watch->polls && (timeout < 0 || timeout > POLL_MS))
		timeout = POLL_MS;
	if (watch->settle_ms > 0 && (timeout < 0 || timeout > watch->settle_ms)) {
		timeout = watch->settle_ms;
		watch->settle_ms = watch->settle_ms < SETTLE_MAX_MS ? watch->settle_ms * 2 : 0;
	}
	return timeout < 0 ? -1 : timeout > INT_MAX ? INT_MAX : (int)timeout;
}
