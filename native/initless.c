#include "initless.h"
#include "file.h"
#include "lock.h"
#include "shared.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DEAD_AFTER_S = 30, LOOK_EVERY_MS = 2000 };

/*
 * The heartbeat tells after 30 s; the lock at once. It counts only where it was seen held, for one that was free from the
 * beginning may be left from a sandbox before this one.
 */
static void refuse_dead_supervisor(struct emissary *e, enum container_state state)
{
	static bool was_alive;

	was_alive |= state == RUNNING;
	if (was_alive && state == DIED)
		fail(e, EXIT_NOT_READY, EXIT_NOT_READY, "supervisor died before it was ready");
}

/* Looks at the marker once; true where it says READY. A supervisor that failed or is dead ends the program. */
static bool is_supervisor_ready(struct emissary *e, const char *path, int64_t began_ms)
{
	char text[MESSAGE_SIZE];
	struct stat status;
	int code;
	/* Before the marker: its last words count. */
	enum container_state supervisor = container_state("supervisor", &code);

	if (lstat(path, &status) != 0) {
		if (errno != ENOENT)
			fail(e, EXIT_NOT_READY, EXIT_NOT_READY, "stat supervisor status: %s", reason(errno));
		refuse_dead_supervisor(e, supervisor);
		if (now_ms() - began_ms > DEAD_AFTER_S * 1000)
			fail(e, EXIT_NOT_READY, EXIT_NOT_READY,
			     "supervisor presumed dead: status marker never appeared within 30s");
		return false;
	}
	/* It may be replaced between the two looks. */
	if (read_small(AT_FDCWD, path, text, sizeof text) < 0)
		return false;
	char *rest = strchr(text, '\n');
	if (rest != NULL)
		*rest++ = '\0';
	const char *word = trim(text);
	if (strcmp(word, "READY") == 0)
		return true;
	if (strcmp(word, "FAILED") == 0)
		fail(e, EXIT_NOT_READY, EXIT_NOT_READY, "supervisor reported pre-main failure: %s",
		     rest == NULL ? "" : trim(rest));
	refuse_dead_supervisor(e, supervisor);
	if (time(NULL) - status.st_mtime > DEAD_AFTER_S)
		fail(e, EXIT_NOT_READY, EXIT_NOT_READY, "supervisor presumed dead: no status update within 30s");
	return false;
}

void await_supervisor(struct emissary *e)
{
	char folder[PATH_SIZE];
	char path[PATH_SIZE];
	int64_t began_ms = now_ms();

	if (!root_path(folder, "/var/run/argo") || !format_path(path, "%s/status", folder))
		fail(e, EXIT_OURS, EXIT_OURS, "path of the status marker: %s", reason(errno));
	watch_files(e);
	watch_folder(&e->files, folder, watch_published);
	while (!is_supervisor_ready(e, path, began_ms)) {
		/* Timed, because the absence of a heartbeat raises no event. */
		sleep_until_event(e, NULL, 0, now_ms() + LOOK_EVERY_MS);
		if (e->stop_signal != 0) {
			publish_verdict(e, EXIT_SIGNAL + e->stop_signal);
			exit(EXIT_SIGNAL + e->stop_signal);
		}
	}
}

/* Staging failed: the supervisor must not look for outputs, so that this message is the one that is shown. */
static _Noreturn void fail_staging(struct emissary *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

static _Noreturn void fail_staging(struct emissary *e, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (!publish_file(e->folder, "staging-failed", text, 0644))
		log_line(&e->log, LOG_WARN, "cannot leave the mark of failed staging", "error", "%s", reason(errno));
	fail(e, EXIT_NOT_READY, EXIT_NOT_READY, "%s", text);
}

static bool remove_entries(int folder)
{
	DIR *entries = fdopendir(folder);
	struct dirent *entry;
	bool is_done = true;

	if (entries == NULL) {
		close(folder);
		return false;
	}
	while (is_done && (errno = 0, entry = readdir(entries)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			is_done = remove_tree(dirfd(entries), entry->d_name);
	}
	int error = errno;
	closedir(entries);
	errno = error;
	return is_done && error == 0;
}

bool remove_tree(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) == 0 || errno == ENOENT)
		return true;
	if (errno != EISDIR && errno != EPERM)
		return false;
	/* Never through a link: O_NOFOLLOW refuses what was swapped in meanwhile. */
	int below = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (below < 0 || !remove_entries(below))
		return false;
	return unlinkat(folder, name, AT_REMOVEDIR) == 0;
}

static void make_parents(struct emissary *e, const struct directive *input)
{
	char parent[PATH_SIZE];
	if (!format_path(parent, "%s", input->text2))
		fail_staging(e, "input artifact \"%s\": %s", input->text, reason(errno));
	size_t length = strlen(parent);
	while (length > 1 && parent[length - 1] == '/')
		parent[--length] = '\0';
	char *slash = strrchr(parent, '/');
	if (slash == NULL || slash == parent)
		return;
	*slash = '\0';
	if (!make_folders(parent, 0755))
		fail_staging(e,
			     "failed to create parent directory for artifact \"%s\" at %s: mkdir %s: %s; "
			     "mount a volume, such as an emptyDir, at the artifact's parent directory",
			     input->text, input->text2, parent, reason(errno));
}

/* The path with the links of its parent resolved: what removing it would really remove. */
static void resolve_parent(struct emissary *e, const struct directive *input, char resolved[static PATH_SIZE])
{
	char path[PATH_SIZE];
	char parent[PATH_SIZE];
	char real[PATH_SIZE];

	if (!format_path(path, "%s", input->text2))
		fail_staging(e, "input artifact \"%s\": %s", input->text, reason(errno));
	clean_path(path);
	const char *base = base_name(path);
	int length = (int)(base - path);
	if (!format_path(parent, "%.*s", length, path) || realpath(length == 0 ? "." : parent, real) == NULL ||
	    !format_path(resolved, "%s/%s", strcmp(real, "/") == 0 ? "" : real, base))
		fail_staging(e, "failed to resolve the parent directory of artifact \"%s\" at %s: %s", input->text,
			     input->text2, reason(errno));
	clean_path(resolved);
}

static void refuse_mounts(struct emissary *e, const struct directive *input, const char *resolved)
{
	const struct directive *mount = NULL;
	char path[PATH_SIZE];

	while ((mount = next_directive(&e->plan, MOUNT, mount)) != NULL) {
		if (!format_path(path, "%s", mount->text))
			continue;
		clean_path(path);
		if (path_contains(path, resolved) || path_contains(resolved, path))
			fail_staging(e,
				     "refusing to stage input artifact \"%s\" at %s: it resolves to %s, which overlaps "
				     "the volume mount %s",
				     input->text, input->text2, resolved, mount->text);
	}
}

static void place_input(struct emissary *e, const struct directive *input)
{
	char inputs[PATH_SIZE];
	char source[PATH_SIZE];
	char resolved[PATH_SIZE];
	struct stat status;

	if (!root_path(inputs, "/argo/inputs/artifacts") || !format_path(source, "%s/%s", inputs, input->text))
		fail_staging(e, "input artifact \"%s\": %s", input->text, reason(errno));
	/* Optional and absent, or loaded straight into a user volume. */
	if (*input->text2 == '\0' || (lstat(source, &status) != 0 && errno == ENOENT))
		return;
	make_parents(e, input);
	resolve_parent(e, input, resolved);
	if (lstat(resolved, &status) == 0) {
		refuse_mounts(e, input, resolved);
		if (!remove_tree(AT_FDCWD, resolved))
			fail_staging(e, "failed to remove %s to stage input artifact \"%s\": %s", resolved, input->text,
				     reason(errno));
	}
	if (symlink(source, resolved) != 0)
		fail_staging(e, "failed to stage input artifact \"%s\" at %s: symlink: %s", input->text, input->text2,
			     reason(errno));
}

void place_inputs(struct emissary *e)
{
	char home[PATH_SIZE];
	char folder[PATH_SIZE];
	const struct directive *input = next_directive(&e->plan, INPUT, NULL);

	if (input == NULL)
		return;
	if (getcwd(home, sizeof home) == NULL)
		fail_staging(e, "failed to find the working directory: %s", reason(errno));
	/* Not inside what may be replaced. */
	if (!root_path(folder, "/var/run/argo") || chdir(folder) != 0)
		fail_staging(e, "chdir %s: %s", folder, reason(errno));
	for (; input != NULL; input = next_directive(&e->plan, INPUT, input))
		place_input(e, input);
	if (chdir(home) != 0)
		fail_staging(e,
			     "failed to re-enter working directory \"%s\" after staging input artifacts (an input artifact "
			     "staged at the workingDir path must be a directory): %s",
			     home, reason(errno));
}
