#include "standby.h"
#include "file.h"
#include "lock.h"
#include "report.h"
#include "shared.h"
#include "text.h"
#include "watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_SIZE = 4096 };

struct standby {
	char **containers; /* names; NULL behind the last */
	size_t container_count;
	int64_t deadline_ms; /* epoch; -1: none */
	int64_t limit_ms;
	size_t spool_count;
	char **spools;	  /* container and file in turn: a file that is news once it is there */
	const char *held; /* the container that waits to be released, while its end is news; or NULL */
	const char *file; /* NULL: none */
	int64_t tick_ms;
	const char *seen;

	struct signals *signals;
	int clock;
	struct watch files;    /* the containers' folders */
	struct watch progress; /* the file's folder: not read before the tick is over, however busy it is */
	int64_t tick_over_ms;  /* monotonic */
};

/* Cuts the next blank-separated, encoded word off a line; NULL where there is none or its encoding is wrong. */
static char *take_text(char **line)
{
	char *word = *line;
	if (word == NULL || *word == '\0')
		return NULL;
	char *blank = strchr(word, ' ');
	*line = blank == NULL ? NULL : blank + 1;
	if (blank != NULL)
		*blank = '\0';
	return percent_decode(word) ? word : NULL;
}

static bool take_number(char **line, int64_t *number)
{
	char *word = take_text(line);
	return word != NULL && parse_number(word, INT64_MAX / 2, number);
}

static bool parse_line(struct standby *s, char *line)
{
	char *word = take_text(&line);

	if (word == NULL)
		return false;
	if (strcmp(word, "container") == 0) {
		char *name = take_text(&line);
		s->containers[s->container_count] = name;
		s->container_count += name != NULL;
		return name != NULL && line == NULL;
	}
	if (strcmp(word, "deadline") == 0)
		return take_number(&line, &s->deadline_ms) && line == NULL;
	if (strcmp(word, "limit") == 0)
		return take_number(&line, &s->limit_ms) && line == NULL;
	if (strcmp(word, "spool") == 0) {
		s->spools[s->spool_count] = take_text(&line);
		s->spools[s->spool_count + 1] = take_text(&line);
		s->spool_count += 2;
		return s->spools[s->spool_count - 2] != NULL && s->spools[s->spool_count - 1] != NULL && line == NULL;
	}
	if (strcmp(word, "held") == 0)
		return (s->held = take_text(&line)) != NULL && line == NULL;
	if (strcmp(word, "terminating") == 0) {
		s->signals->is_obeyed = true;
		return line == NULL;
	}
	if (strcmp(word, "watch") == 0)
		return (s->file = take_text(&line)) != NULL && take_number(&line, &s->tick_ms) &&
		       (s->seen = take_text(&line)) != NULL && line == NULL;
	return false;
}

/* What Node asks to sleep for, a directive a line. */
static void parse_request(struct standby *s, char *text, struct signals *signals)
{
	size_t lines = 1;
	for (const char *at = text; *at != '\0'; at++)
		lines += *at == '\n';
	*s = (struct standby){ .deadline_ms = -1, .limit_ms = -1, .seen = "", .signals = signals };
	s->containers = calloc(lines + 1, sizeof *s->containers);
	s->spools = calloc(2 * lines + 2, sizeof *s->spools);
	if (s->containers == NULL || s->spools == NULL)
		die(EXIT_OURS, "standby: no memory");
	for (char *line = text; line != NULL && *line != '\0';) {
		char *end = strchr(line, '\n');
		char word[80];
		if (end != NULL)
			*end++ = '\0';
		snprintf(word, sizeof word, "%s", line);
		if (!parse_line(s, line))
			die(EXIT_OURS, "standby: cannot be understood: \"%s\"", word);
		line = end;
	}
}

/* Fires when the wall clock reaches the earlier of both times, even if somebody sets the clock. */
static void open_clock(struct standby *s)
{
	int64_t first = s->deadline_ms;
	if (first < 0 || (s->limit_ms >= 0 && s->limit_ms < first))
		first = s->limit_ms;
	s->clock = -1;
	if (first < 0)
		return;
	struct itimerspec when = { .it_value = { .tv_sec = first / 1000, .tv_nsec = first % 1000 * 1000000 + 1 } };
	s->clock = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	if (s->clock < 0 || timerfd_settime(s->clock, TFD_TIMER_ABSTIME, &when, NULL) != 0)
		die(EXIT_OURS, "timerfd: %s", reason(errno));
}

static void watch_parent(struct watch *watch, const char *file)
{
	char path[PATH_SIZE];

	if (!format_path(path, "%s", file)) {
		watch->polls = true;
		return;
	}
	char *slash = strrchr(path, '/');
	if (slash != NULL)
		slash[slash == path] = '\0';
	else
		strcpy(path, ".");
	/* A parent that cannot be made is looked for in intervals. */
	(void)make_folders(path, 0755);
	/* A writer that keeps the file open tells by IN_MODIFY alone. */
	watch_folder(watch, path, watch_published | IN_MODIFY);
}

static void open_files(struct standby *s)
{
	mode_t mask = umask(0);

	open_watch(&s->files);
	for (size_t i = 0; i < s->container_count; i++) {
		int folder = open_container(s->containers[i], true);
		if (folder >= 0)
			watch_open_folder(&s->files, folder, watch_published);
		else
			s->files.polls = true;
		if (folder >= 0)
			close(folder);
	}
	s->progress = (struct watch){ .fd = -1 };
	if (s->file != NULL) {
		open_watch(&s->progress);
		watch_parent(&s->progress, s->file);
	}
	umask(mask);
}

static bool is_over(const char *name, int *code)
{
	enum container_state state = container_state(name, code);
	return state == ENDED || state == DIED;
}

static bool have_ended(const struct standby *s)
{
	int code;
	for (size_t i = 0; i < s->container_count; i++) {
		if (!is_over(s->containers[i], &code))
			return false;
	}
	return s->container_count > 0;
}

/* The controller ends a pod when one of its containers fails; of one that waits for us it does not see that. */
static bool has_failed(const struct standby *s)
{
	int code;
	return s->held != NULL && container_state(s->held, &code) == ENDED && code != 0;
}

static bool has_come(int64_t epoch_ms)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return epoch_ms >= 0 && (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 >= epoch_ms;
}

/* `N/M` with 0 <= N <= M, M > 0 and at most 18 digits each: what a controller can read. */
static bool is_progress(const char *text)
{
	enum { DIGITS_MAX = 18 };
	static const char digits[] = "0123456789";
	char number[DIGITS_MAX + 1];
	int64_t done, total;
	size_t first = strspn(text, digits);
	size_t second = text[first] == '/' ? strspn(text + first + 1, digits) : 0;

	if (first == 0 || second == 0 || first > DIGITS_MAX || second > DIGITS_MAX || text[first + 1 + second] != '\0')
		return false;
	memcpy(number, text, first);
	number[first] = '\0';
	return parse_number(number, INT64_MAX, &done) && parse_number(text + first + 1, INT64_MAX, &total) &&
	       done <= total && total > 0;
}

/* What the last line of the file says, by its last 4 KiB; empty where it says nothing (src/outputs/progress.ts). */
static const char *read_progress(const char *file, char text[static PROGRESS_SIZE + 1])
{
	struct stat status;
	int fd = open_regular(AT_FDCWD, file, O_NOFOLLOW);

	text[0] = '\0';
	if (fd < 0)
		return text;
	/* Only the end matters, however long a program keeps appending. */
	off_t from = fstat(fd, &status) == 0 && status.st_size > PROGRESS_SIZE ? status.st_size - PROGRESS_SIZE : 0;
	ssize_t length = pread(fd, text, PROGRESS_SIZE, from);
	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	/* A NUL is no part of a value. */
	if (length > 0 && memchr(text, '\0', (size_t)length) != NULL)
		text[0] = '\0';
	char *all = trim(text);
	char *newline = strrchr(all, '\n');
	const char *line = newline == NULL ? all : trim(newline + 1);
	return is_progress(line) ? line : "";
}

static bool has_news(const struct standby *s)
{
	char text[PROGRESS_SIZE + 1];
	if (s->file == NULL || now_ms() < s->tick_over_ms)
		return false;
	const char *line = read_progress(s->file, text);
	return *line != '\0' && strcmp(line, s->seen) != 0;
}

/* Whether some container has printed so much that it should be taken away. */
static bool has_spool(const struct standby *s)
{
	for (size_t i = 0; i < s->spool_count; i += 2) {
		int folder = open_container(s->spools[i], false);
		bool is_there = folder >= 0 && faccessat(folder, s->spools[i + 1], F_OK, AT_SYMLINK_NOFOLLOW) == 0;
		if (folder >= 0)
			close(folder);
		if (is_there)
			return true;
	}
	return false;
}

/* The first event that holds, in the order of the contract, or NULL. */
static const char *current_event(struct standby *s)
{
	if (have_ended(s))
		return "ended";
	take_signals(s->signals);
	if (s->signals->was_signalled && !s->signals->is_obeyed)
		return "signal";
	if (has_failed(s))
		return "failed";
	if (has_come(s->deadline_ms))
		return "deadline";
	if (has_come(s->limit_ms))
		return "limit";
	if (has_spool(s))
		return "spool";
	return has_news(s) ? "file" : NULL;
}

static void sleep_for_event(struct standby *s)
{
	struct pollfd fds[] = {
		{ .fd = s->signals->fd, .events = POLLIN },
		{ .fd = s->files.fd, .events = POLLIN },
		{ .fd = s->clock, .events = POLLIN },
		{ .fd = -1, .events = POLLIN },
	};
	int64_t timeout = -1;

	if (s->file != NULL) {
		int64_t left = s->tick_over_ms - now_ms();
		if (left > 0)
			timeout = left;
		else {
			fds[3].fd = s->progress.fd;
			timeout = watch_timeout(&s->progress, timeout);
		}
	}
	if (poll(fds, sizeof fds / sizeof fds[0], watch_timeout(&s->files, timeout)) < 0 && errno != EINTR)
		die(EXIT_OURS, "poll: %s", reason(errno));
	if (fds[1].revents != 0)
		drain_watch(&s->files);
	if (fds[3].revents != 0)
		drain_watch(&s->progress);
}

static void close_standby(struct standby *s)
{
	close_watch(&s->files);
	close_watch(&s->progress);
	if (s->clock >= 0)
		close(s->clock);
	free(s->containers);
	free(s->spools);
}

const char *stand_by(char *request, struct signals *signals)
{
	struct standby s;
	const char *event;

	parse_request(&s, request, signals);
	open_clock(&s);
	open_files(&s);
	s.tick_over_ms = now_ms() + s.tick_ms;
	while ((event = current_event(&s)) == NULL)
		sleep_for_event(&s);
	close_standby(&s);
	return event;
}

static void wanted_signals(sigset_t *wanted)
{
	sigemptyset(wanted);
	sigaddset(wanted, SIGTERM);
	sigaddset(wanted, SIGINT);
	sigaddset(wanted, SIGCHLD);
}

static void mask_signals(int how)
{
	sigset_t wanted;

	wanted_signals(&wanted);
	if (sigprocmask(how, &wanted, NULL) != 0)
		die(EXIT_OURS, "sigprocmask: %s", reason(errno));
}

void hold_signals(void)
{
	mask_signals(SIG_BLOCK);
}

void let_signals(void)
{
	mask_signals(SIG_UNBLOCK);
}

void open_signals(struct signals *signals)
{
	sigset_t wanted;

	hold_signals();
	wanted_signals(&wanted);
	*signals = (struct signals){ .fd = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC) };
	if (signals->fd < 0)
		die(EXIT_OURS, "signalfd: %s", reason(errno));
}

void take_signals(struct signals *signals)
{
	struct signalfd_siginfo info;
	while (read(signals->fd, &info, sizeof info) == (ssize_t)sizeof info)
		signals->was_signalled |= info.ssi_signo != SIGCHLD;
}
