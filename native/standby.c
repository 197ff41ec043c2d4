#include "standby.h"
#include "file.h"
#include "lock.h"
#include "report.h"
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

enum { LAST_LINE_SIZE = 4096, EVENT_ARGUMENTS = 2 };

struct standby {
	char **containers; /* folders; NULL behind the last */
	int64_t deadline_ms; /* epoch; -1: none */
	int64_t limit_ms;
	const char *file; /* NULL: none */
	int64_t tick_ms;
	const char *seen;
	char **command;
	int command_length;

	sigset_t before; /* the signal mask that the command gets back */
	int signals;
	int clock;
	struct watch files;    /* the containers' folders */
	struct watch progress; /* the file's folder: not read before the tick is over, however busy it is */
	int64_t tick_over_ms;  /* monotonic */
	bool was_signalled;
};

static int64_t number_option(const char *name, const char *value)
{
	int64_t number;
	if (!parse_number(value, INT64_MAX / 2, &number))
		die(EXIT_OURS, "standby: %s must be a number of milliseconds, not \"%s\"", name, value);
	return number;
}

static void set_option(struct standby *s, char **next_container, const char *name, char *value)
{
	if (strcmp(name, "--container") == 0)
		*next_container = value;
	else if (strcmp(name, "--deadline") == 0)
		s->deadline_ms = number_option(name, value);
	else if (strcmp(name, "--limit") == 0)
		s->limit_ms = number_option(name, value);
	else if (strcmp(name, "--watch") == 0)
		s->file = value;
	else if (strcmp(name, "--tick") == 0)
		s->tick_ms = number_option(name, value);
	else if (strcmp(name, "--seen") == 0)
		s->seen = value;
	else
		die(EXIT_OURS, "standby: unknown flag: %s", name);
}

static void parse_options(struct standby *s, int argc, char **argv, int subcommand)
{
	int count = 0;
	int i = subcommand + 1;

	*s = (struct standby){ .deadline_ms = -1, .limit_ms = -1, .seen = "" };
	s->containers = calloc((size_t)argc + 1, sizeof *s->containers);
	if (s->containers == NULL)
		die(EXIT_OURS, "standby: no memory");
	for (; i < argc && strcmp(argv[i], "--") != 0; i += 2) {
		if (i + 1 >= argc)
			die(EXIT_OURS, "standby: flag needs an argument: %s", argv[i]);
		set_option(s, &s->containers[count], argv[i], argv[i + 1]);
		if (s->containers[count] != NULL)
			count++;
	}
	if (i + 1 >= argc)
		die(EXIT_OURS, "standby needs a command behind --");
	s->command = argv + i + 1;
	s->command_length = argc - i - 1;
}

static void open_signals(struct standby *s)
{
	sigset_t wanted;

	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	/* First of all: a signal that comes from here on waits for us. */
	if (sigprocmask(SIG_BLOCK, &wanted, &s->before) != 0)
		die(EXIT_OURS, "sigprocmask: %s", reason(errno));
	s->signals = signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signals < 0)
		die(EXIT_OURS, "signalfd: %s", reason(errno));
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
	char path[PATH_SIZE];
	mode_t mask = umask(0);

	open_watch(&s->files);
	for (char **folder = s->containers; *folder != NULL; folder++) {
		if (format_path(path, "%s", *folder))
			(void)make_folders(path, 0777);
		watch_folder(&s->files, *folder, watch_published);
	}
	s->progress = (struct watch){ .fd = -1 };
	if (s->file != NULL) {
		open_watch(&s->progress);
		watch_parent(&s->progress, s->file);
	}
	umask(mask);
}

static bool have_ended(const struct standby *s)
{
	if (*s->containers == NULL)
		return false;
	for (char **folder = s->containers; *folder != NULL; folder++) {
		enum container_state state = container_state(*folder);
		if (state != ENDED && state != DIED)
			return false;
	}
	return true;
}

static bool is_signalled(struct standby *s)
{
	struct signalfd_siginfo info;
	while (read(s->signals, &info, sizeof info) == (ssize_t)sizeof info)
		s->was_signalled = true;
	return s->was_signalled;
}

static bool has_come(int64_t epoch_ms)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return epoch_ms >= 0 && (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 >= epoch_ms;
}

/* The file's last line without the blanks around it; empty where there is none. */
static const char *read_last_line(const char *file, char text[static LAST_LINE_SIZE])
{
	struct stat status;
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	text[0] = '\0';
	if (fd < 0)
		return text;
	/* Only the end matters, however long a program keeps appending. */
	off_t from = fstat(fd, &status) == 0 && status.st_size >= LAST_LINE_SIZE ? status.st_size - LAST_LINE_SIZE + 1 : 0;
	ssize_t length = pread(fd, text, LAST_LINE_SIZE - 1, from);
	close(fd);
	text[length < 0 ? 0 : length] = '\0';
	char *all = trim(text);
	char *newline = strrchr(all, '\n');
	return newline == NULL ? all : trim(newline + 1);
}

static bool has_news(const struct standby *s)
{
	char text[LAST_LINE_SIZE];
	if (s->file == NULL || now_ms() < s->tick_over_ms)
		return false;
	const char *line = read_last_line(s->file, text);
	return *line != '\0' && strcmp(line, s->seen) != 0;
}

/* The first event that holds, in the order of the contract, or NULL. */
static const char *current_event(struct standby *s)
{
	if (have_ended(s))
		return "ended";
	if (is_signalled(s))
		return "signal";
	if (has_come(s->deadline_ms))
		return "deadline";
	if (has_come(s->limit_ms))
		return "limit";
	return has_news(s) ? "file" : NULL;
}

static void sleep_for_event(struct standby *s)
{
	struct pollfd fds[] = {
		{ .fd = s->signals, .events = POLLIN },
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

static _Noreturn void become_command(struct standby *s, const char *event)
{
	char **words = calloc((size_t)s->command_length + EVENT_ARGUMENTS + 1, sizeof *words);

	if (words == NULL)
		die(EXIT_OURS, "standby: no memory");
	memcpy(words, s->command, (size_t)s->command_length * sizeof *words);
	words[s->command_length] = (char[]){ "--event" };
	words[s->command_length + 1] = strdup(event);
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	execvp(words[0], words);
	die(EXIT_OURS, "standby: exec %s: %s", words[0], reason(errno));
}

void run_standby(int argc, char **argv, int subcommand)
{
	struct standby s;
	const char *event;

	parse_options(&s, argc, argv, subcommand);
	open_signals(&s);
	open_clock(&s);
	open_files(&s);
	s.tick_over_ms = now_ms() + s.tick_ms;
	while ((event = current_event(&s)) == NULL)
		sleep_for_event(&s);
	become_command(&s, event);
}
