#include "plain-init.h"
#include "emissary.h"
#include "file.h"
#include "initless.h"
#include "plain-template.h"
#include "shared.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROGRAM_BYTES_MAX = 1 << 24 };

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list != NULL; list++) {
		if (strcmp(text, *list) == 0)
			return true;
	}
	return false;
}

/* What is said of the API server: `init` does not ask it, and `supervisor` reads it again. */
static bool is_of_the_server(const char *flag)
{
	static const char *const flags[] = { "--server", "--token", "--namespace", "--certificate-authority", "--kubeconfig",
					     NULL };

	return is_one_of(flag, flags);
}

static bool is_usual(const char *flag, const char *value)
{
	static const char *const levels[] = { "debug", "info", "warn", "error", NULL };
	static const char *const formats[] = { "text", "json", NULL };
	int64_t number;

	if (strcmp(flag, "--loglevel") == 0)
		return is_one_of(value, levels);
	if (strcmp(flag, "--log-format") == 0)
		return is_one_of(value, formats);
	if (strcmp(flag, "--gloglevel") == 0)
		return parse_number(value, 10, &number);
	return is_of_the_server(flag) && *value != '-' && *value != '\0';
}

/* The subcommand with the flags that controllers give it, and none that could be wrong. */
static bool has_usual_flags(int argc, char **argv, const char *subcommand)
{
	if (argc < 2 || strcmp(argv[1], subcommand) != 0 || argc % 2 != 0)
		return false;
	for (int i = 2; i < argc; i += 2) {
		if (!is_usual(argv[i], argv[i + 1]))
			return false;
	}
	return true;
}

/* Settings that Node reads and refuses where they are wrong; and where spans are to be exported. */
static bool has_settings(void)
{
	static const char *const beginnings[] = { "EXECUTOR_", "ARTIFACT_", "TRANSIENT_", "SSL_CERT_", "OTEL_" };
	extern char **environ;

	for (char **variable = environ; *variable != NULL; variable++) {
		for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
			if (strncmp(*variable, beginnings[i], strlen(beginnings[i])) == 0)
				return true;
		}
	}
	return false;
}

static bool is_pair(const char *text, int from, int to)
{
	char pair[3] = { text[0], text[0] == '\0' ? '\0' : text[1], '\0' };
	int64_t number;

	return strlen(pair) == 2 && parse_number(pair, to, &number) && number >= from;
}

/* A time that needs no calendar: `YYYY-MM-DDTHH:MM:SSZ`, no later than the 28th. */
static bool is_time(const char *text)
{
	static const char shape[] = "0000-00-00T00:00:00Z";

	if (strlen(text) != strlen(shape))
		return false;
	for (size_t i = 0; shape[i] != '\0'; i++) {
		if (shape[i] == '0' ? strchr("0123456789", text[i]) == NULL : text[i] != shape[i])
			return false;
	}
	return is_pair(text + 5, 1, 12) && is_pair(text + 8, 1, 28) && is_pair(text + 11, 0, 23) &&
	       is_pair(text + 14, 0, 59) && is_pair(text + 17, 0, 59);
}

static bool is_usual_pod(void)
{
	const char *pod = getenv("ARGO_POD_NAME");
	const char *deadline = getenv("ARGO_DEADLINE");

	return pod != NULL && *pod != '\0' && deadline != NULL && is_time(deadline) && !has_settings();
}

static bool copy_program(int to)
{
	struct stat status;
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (from < 0)
		return false;
	bool is_readable = fstat(from, &status) == 0 && status.st_size <= PROGRAM_BYTES_MAX;
	off_t left = is_readable ? status.st_size : 0;
	while (left > 0) {
		ssize_t count = sendfile(to, from, NULL, (size_t)left);
		if (count <= 0 && !(count < 0 && errno == EINTR))
			break;
		left -= count > 0 ? count : 0;
	}
	close(from);
	return is_readable && left == 0 && fchmod(to, 0555) == 0;
}

static bool place_program(int shared)
{
	char aside[ASIDE_SIZE];

	aside_name(aside, "argoexec");
	int to = openat(shared, aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0555);
	if (to < 0)
		return false;
	bool is_whole = copy_program(to);
	/* A file that is open for writing cannot be run. */
	bool is_closed = close(to) == 0;
	if (is_whole && is_closed && give_name(shared, aside, "argoexec"))
		return true;
	(void)unlinkat(shared, aside, 0);
	return false;
}

/* What an earlier sandbox of the pod has left would end the wait at once (docs/contract/pod.md#defect-33). */
static bool clear(int shared)
{
	return remove_tree(shared, "ctr") && remove_tree(shared, "plan");
}

static bool place_plan(int shared, const char *plan)
{
	int plans = open_folder(shared, "plan", true);

	if (plans < 0)
		return false;
	bool is_placed = publish_file(plans, "main", plan, 0444);
	close(plans);
	return is_placed;
}

static bool place_both(int shared, const char *template, const char *plan)
{
	return place_plan(shared, plan) && publish_file(shared, "template", template, 0444);
}

/* For `init`. */
static bool place_all(int shared, const char *template, const char *plan)
{
	return clear(shared) && place_program(shared) && place_both(shared, template, plan);
}

/* For `supervisor`; main does not look at anything before it reads the marker (docs/contract/pod.md#5.7). */
static bool place_ready(int shared, const char *template, const char *plan)
{
	return place_both(shared, template, plan) && publish_file(shared, "status", "READY\n", 0644);
}

static int open_shared(void)
{
	char path[PATH_SIZE];

	if (!root_path(path, "/var/run/argo") || !make_folders(path, 0777))
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool place(const char *template, struct plan_context context,
		  bool (*place_files)(int shared, const char *template, const char *plan))
{
	char *plan = plan_plain_template(template, strlen(template), context);

	if (plan == NULL)
		return false;
	/* Whoever comes next has a mask of its own. */
	mode_t mask = umask(0);
	int shared = open_shared();
	bool is_placed = shared >= 0 && place_files(shared, template, plan);
	if (shared >= 0)
		close(shared);
	umask(mask);
	free(plan);
	return is_placed;
}

bool init_plainly(int argc, char **argv)
{
	const char *template = getenv("ARGO_TEMPLATE");
	struct plan_context context = { .includes_result = is_true("ARGO_INCLUDE_SCRIPT_OUTPUT") };

	return template != NULL && has_usual_flags(argc, argv, "init") && is_usual_pod() &&
	       place(template, context, place_all);
}

static bool is_empty(const char *variable)
{
	const char *value = getenv(variable);
	return value == NULL || *value == '\0';
}

bool prepare_plainly(int argc, char **argv)
{
	const char *template = getenv("ARGO_TEMPLATE");
	struct plan_context context = { .includes_result = is_true("ARGO_INCLUDE_SCRIPT_OUTPUT"), .is_initless = true };
	bool has_plugins = !is_empty("ARGO_ARTIFACT_PLUGIN_NAMES") || !is_empty("ARGO_INPUT_ARTIFACT_PLUGIN_NAMES");

	return template != NULL && is_true("ARGO_INITLESS_POD") && !has_plugins &&
	       has_usual_flags(argc, argv, "supervisor") && is_usual_pod() && place(template, context, place_ready);
}
