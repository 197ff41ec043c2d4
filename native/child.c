#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* 0, or why this file cannot be run. */
static int check_executable(const char *path)
{
	struct stat status;
	if (stat(path, &status) != 0)
		return errno;
	if (S_ISDIR(status.st_mode))
		return EISDIR;
	/* A file without any x bit is refused to root as well. */
	if ((status.st_mode & 0111) == 0)
		return EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

static bool find_in_path(const char *name, char program[static PATH_SIZE])
{
	const char *folder = getenv("PATH");

	while (folder != NULL) {
		size_t length = strcspn(folder, ":");
		/* An empty element means the working directory. */
		if (format_path(program, "%.*s%s%s", (int)length, folder, length == 0 ? "" : "/", name) &&
		    check_executable(program) == 0)
			return true;
		folder = folder[length] == ':' ? folder + length + 1 : NULL;
	}
	return false;
}

bool find_program(const char *name, char program[static PATH_SIZE], char *error, size_t error_size)
{
	const char *prefix = "failed to find name in PATH";

	if (strchr(name, '/') != NULL) {
		int problem = format_path(program, "%s", name) ? check_executable(name) : errno;
		if (problem == ENOENT || problem == ENOTDIR)
			snprintf(error, error_size, "%s: exec: \"%s\": stat %s: %s", prefix, name, name, reason(problem));
		else if (problem != 0)
			snprintf(error, error_size, "%s: exec: \"%s\": %s", prefix, name, reason(problem));
		return problem == 0;
	}
	if (*name == '\0' || !find_in_path(name, program)) {
		snprintf(error, error_size, "%s: exec: \"%s\": executable file not found in $PATH", prefix, name);
		return false;
	}
	if (program[0] != '/') {
		snprintf(error, error_size, "%s: exec: \"%s\": cannot run executable found relative to current directory",
			 prefix, name);
		return false;
	}
	return true;
}

static void reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	/* What our parent ignored must not stay ignored; numbers that libc keeps to itself are refused. */
	for (int signal = 1; signal <= SIGRTMAX; signal++)
		(void)sigaction(signal, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool attach_streams(const struct streams *streams)
{
	if (streams->tty >= 0)
		return setsid() >= 0 && ioctl(streams->tty, TIOCSCTTY, 0) == 0 &&
		       dup2(streams->tty, STDIN_FILENO) >= 0 && dup2(streams->tty, STDOUT_FILENO) >= 0 &&
		       dup2(streams->tty, STDERR_FILENO) >= 0;
	return setpgid(0, 0) == 0 && (streams->out < 0 || dup2(streams->out, STDOUT_FILENO) >= 0) &&
	       (streams->err < 0 || dup2(streams->err, STDERR_FILENO) >= 0);
}

static _Noreturn void become_command(struct emissary *e, const struct streams *streams, int report)
{
	extern char **environ;
	if (attach_streams(streams)) {
		reset_signals();
		/* argv[0] is the resolved path (docs/contract/pod.md#defect-37). */
		e->command[0] = e->program;
		execve(e->program, e->command, environ);
	}
	int error = errno;
	(void)write_all(report, &error, sizeof error);
	_exit(EXIT_OURS);
}

int start_child(struct emissary *e, const struct streams *streams)
{
	int report[2];
	int error = 0;

	if (pipe2(report, O_CLOEXEC) != 0)
		return errno;
	pid_t pid = fork();
	if (pid == 0)
		become_command(e, streams, report[1]);
	if (pid < 0)
		error = errno;
	close(report[1]);
	/* The pipe closes at the exec; until then it may bring the exec's errno. */
	while (pid > 0 && read(report[0], &error, sizeof error) < 0 && errno == EINTR)
		;
	close(report[0]);
	if (error != 0 && pid > 0)
		(void)waitpid(pid, NULL, 0);
	if (error == 0)
		e->child = pid;
	return error;
}

void signal_child(const struct emissary *e, int signal)
{
	/* A command that left its group is still our child. */
	if (e->child > 0 && kill(-e->child, signal) != 0)
		(void)kill(e->child, signal);
}

int exit_status(int wait_status)
{
	return WIFSIGNALED(wait_status) ? EXIT_SIGNAL + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

int open_terminal(int *slave)
{
	char path[64];
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);

	if (master < 0)
		return -1;
	*slave = -1;
	if (grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, path, sizeof path) == 0)
		*slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (*slave >= 0) {
		copy_window_size(master);
		return master;
	}
	int error = errno;
	close(master);
	errno = error;
	return -1;
}

void copy_window_size(int tty)
{
	struct winsize size;
	/* A terminal without a size is left without one. */
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(tty, TIOCSWINSZ, &size);
}
