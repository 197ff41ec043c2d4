/* Files as events: inotify, and where it cannot be had a look every two seconds. */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch {
	bool is_open;
	int fd;	      /* for poll; -1 without inotify */
	bool polls;   /* some folder is not watched by the kernel */
	bool has_news; /* events came since the owner last looked */
	int settle_ms; /* a lock file was closed: look again after this time; 0: no need */
};

/* What tells about files that are published or written: never IN_MODIFY, which captured output would raise. */
extern const uint32_t watch_published;

void open_watch(struct watch *watch);
void close_watch(struct watch *watch);

/* Watches the entries of a folder. Never fails: the folder is looked at in intervals instead. */
void watch_folder(struct watch *watch, const char *path, uint32_t events);

/* The same for an open folder, whatever its name stands for by now. */
void watch_open_folder(struct watch *watch, int folder, uint32_t events);

/* Takes all pending events. What they say does not matter (the queue may have overflowed): look at everything again. */
void drain_watch(struct watch *watch);

/* How long poll may sleep at most, in ms: `timeout` (-1: for ever) or less where a look without an event is due. */
int watch_timeout(struct watch *watch, int64_t timeout);

#endif
