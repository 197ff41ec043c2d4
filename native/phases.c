#include "phases.h"
#include "child.h"
#include "lock.h"
#include "report.h"
#include "standby.h"
#include "template.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* What Node says is a handful of lines for each main container. */
enum { WORDS_BYTES_MAX = 1 << 20 };

struct phases {
	char **node;
	struct signals signals;
	int template; /* -1: none */
	int state;    /* memory that Node writes before it ends and reads when it is started again; -1 */

	pid_t child;
	int status;	 /* of waitpid */
	int words_fd;	 /* what Node says */
	char *words;	 /* so far, with a NUL behind them */
	size_t length;
	bool is_listening; /* it has handlers for signals */
	bool was_told;
};

static void set_number(const char *variable, int number)
{
	char text[16];

	snprintf(text, sizeof text, "%d", number);
	if ((number < 0 ? unsetenv(variable) : setenv(variable, text, 1)) != 0)
		_exit(EXIT_OURS);
}

static void set_text(const char *variable, const char *text)
{
	if ((text == NULL ? unsetenv(variable) : setenv(variable, text, 1)) != 0)
		_exit(EXIT_OURS);
}

/* A descriptor that Node inherits; -1 stays -1. */
static int inherited(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD, 3);
}

static _Noreturn void become_node(struct phases *p, int words, const char *event, pid_t parent)
{
	sigset_t none;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_OURS);
	set_number("ARGOEXEC_CONTROL_FD", inherited(words));
	set_number("ARGOEXEC_TEMPLATE_FD", inherited(p->template));
	set_number("ARGOEXEC_STATE_FD", inherited(p->state));
	set_text("ARGOEXEC_EVENT", event);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(p->node[0], p->node);
	die(EXIT_OURS, "exec %s: %s", p->node[0], reason(errno));
}

static void start_node(struct phases *p, const char *event)
{
	pid_t parent = getpid();
	int words[2];

	if (pipe2(words, O_CLOEXEC) != 0)
		die(EXIT_OURS, "pipe: %s", reason(errno));
	p->child = fork();
	if (p->child == 0)
		become_node(p, words[1], event, parent);
	if (p->child < 0)
		die(EXIT_OURS, "fork: %s", reason(errno));
	close(words[1]);
	if (fcntl(words[0], F_SETFL, O_NONBLOCK) != 0)
		die(EXIT_OURS, "fcntl: %s", reason(errno));
	p->words_fd = words[0];
	p->length = 0;
	p->is_listening = p->was_told = false;
}

/* False at the end. */
static bool read_words(struct phases *p)
{
	for (;;) {
		ssize_t count = p->length < WORDS_BYTES_MAX ?
					read(p->words_fd, p->words + p->length, WORDS_BYTES_MAX - p->length) :
					0;
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return true;
		if (count == 0)
			return false;
		p->length += (size_t)count;
		p->words[p->length] = '\0';
		p->is_listening |= strncmp(p->words, "listening\n", strlen("listening\n")) == 0;
	}
}

/* Reaps; orphans may have been left to us as the first process of the container. */
static void reap(struct phases *p)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == p->child) {
			p->status = status;
			p->child = 0;
		}
	}
}

/* A signal that comes before Node has handlers would be lost: it is passed on when it has. */
static void tell_node(struct phases *p)
{
	if (!p->signals.was_signalled || !p->is_listening || p->was_told || p->child == 0)
		return;
	p->was_told = true;
	(void)kill(p->child, SIGTERM);
}

static void await_node(struct phases *p)
{
	bool is_open = true;

	while (p->child != 0) {
		struct pollfd fds[] = {
			{ .fd = p->signals.fd, .events = POLLIN },
			{ .fd = is_open ? p->words_fd : -1, .events = POLLIN },
		};
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			die(EXIT_OURS, "poll: %s", reason(errno));
		take_signals(&p->signals);
		if (fds[1].revents != 0)
			is_open = read_words(p);
		reap(p);
		tell_node(p);
	}
	if (is_open)
		(void)read_words(p);
	close(p->words_fd);
}

/* What Node wants to sleep for, or NULL where it is done: the lines between `listening` and the `sleep` at the end. */
static char *sleep_request(struct phases *p)
{
	static const char last[] = "sleep\n";
	size_t length = strlen(last);
	char *from = p->words;

	if (p->status != 0 || p->length < length || strcmp(p->words + p->length - length, last) != 0)
		return NULL;
	p->words[p->length - length] = '\0';
	if (p->is_listening)
		from += strlen("listening\n");
	return from;
}

/* Killed from outside, which without a TERM before it is what the kernel does where memory runs out. */
static bool was_killed(const struct phases *p)
{
	return WIFSIGNALED(p->status) && WTERMSIG(p->status) == SIGKILL && !p->signals.was_signalled;
}

/* The kubelet knows the exit code only, and not whose it was. */
static void explain_signal(const struct phases *p)
{
	char text[MESSAGE_SIZE];

	if (!WIFSIGNALED(p->status))
		return;
	snprintf(text, sizeof text, "Node was killed by signal %d%s", WTERMSIG(p->status),
		 was_killed(p) ? ": if its memory ran out, raise this container's memory limit" : "");
	print_error(text);
	write_termination_message(text);
}

static void open_collector(struct phases *p, const struct collector *collector)
{
	hold_lock();
	p->template = keep_template();
	p->state = memfd_create("argoexec-state", MFD_CLOEXEC);
	if (p->state < 0)
		die(EXIT_OURS, "memfd_create: %s", reason(errno));
	/* Main may begin now: our lock is held. */
	if (collector->prepare != NULL && collector->prepare(collector->argc, collector->argv))
		set_text("ARGOEXEC_PREPARED", "true");
}

_Noreturn void run_phases(char **node, const struct collector *collector)
{
	struct phases p = { .node = node, .template = -1, .state = -1, .words_fd = -1 };
	const struct log log = { .level = LOG_WARN };
	const char *event = NULL;
	bool was_repeated = false;
	bool is_again;
	char *request;

	open_signals(&p.signals);
	if (collector != NULL)
		open_collector(&p, collector);
	p.words = calloc(1, WORDS_BYTES_MAX + 1);
	if (p.words == NULL)
		die(EXIT_OURS, "no memory");
	do {
		start_node(&p, event);
		await_node(&p);
		request = collector != NULL ? sleep_request(&p) : NULL;
		if (request != NULL)
			event = stand_by(request, &p.signals);
		/* Every phase can be repeated, and outputs depend on it: once, for a limit that is too low stays too low. */
		is_again = collector != NULL && !was_repeated && was_killed(&p);
		if (is_again) {
			was_repeated = true;
			log_line(&log, LOG_WARN, "Node was killed: starting it again", "event", "%s",
				 event == NULL ? "start" : event);
		}
	} while (request != NULL || is_again);
	explain_signal(&p);
	exit(exit_status(p.status));
}
