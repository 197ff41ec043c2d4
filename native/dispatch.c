#include "dispatch.h"
#include "file.h"
#include "phases.h"
#include "plain-init.h"
#include "report.h"
#include "standby.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

enum { WORDS_MAX = 128, FLAGS_SIZE = 4096, MEMORY_FOR_LARGEST = 256 << 20 };

/* The command line of Node. */
struct words {
	char *list[WORDS_MAX];
	size_t count;
};

/* The files that the runtime consists of, in one of its two layouts. */
struct runtime {
	char node[PATH_SIZE];
	char bundle[PATH_SIZE];
	char flags[PATH_SIZE];
	char loader[PATH_SIZE];	   /* empty: the image's own */
	char libraries[PATH_SIZE]; /* for the loader */
};

static void add_word(struct words *words, char *word)
{
	if (words->count == WORDS_MAX - 1)
		die(EXIT_OURS, "%d arguments are too many for argoexec", WORDS_MAX);
	words->list[words->count++] = word;
}

static void find_self(char path[static PATH_SIZE])
{
	ssize_t length = readlink("/proc/self/exe", path, PATH_SIZE - 1);
	path[length < 0 ? 0 : length] = '\0';
	/* Without /proc: the name that the kernel was given. */
	const char *name = (const char *)getauxval(AT_EXECFN);
	if (length < 0 && (name == NULL || !format_path(path, "%s", name)))
		die(EXIT_OURS, "cannot find out where argoexec lies: readlink /proc/self/exe: %s", reason(errno));
}

/* Cuts the last element off a path. */
static void cut_base(char *path)
{
	char *slash = strrchr(path, '/');
	if (slash == NULL)
		strcpy(path, ".");
	else
		slash[slash == path] = '\0';
}

static bool find_installed(struct runtime *runtime, const char *prefix)
{
	return format_path(runtime->node, "%s/lib/argoexec/node", prefix) &&
	       format_path(runtime->bundle, "%s/lib/argoexec/argoexec.cjs", prefix) &&
	       format_path(runtime->flags, "%s/lib/argoexec/node.flags", prefix);
}

/* Beside the copy on the shared volume, for an image that may have another C library or none. */
static bool find_copied(struct runtime *runtime, const char *folder)
{
	return format_path(runtime->node, "%s/runtime/node", folder) &&
	       format_path(runtime->bundle, "%s/runtime/argoexec.cjs", folder) &&
	       format_path(runtime->flags, "%s/runtime/node.flags", folder) &&
	       format_path(runtime->loader, "%s/runtime/ld.so", folder) &&
	       format_path(runtime->libraries, "%s/runtime/lib", folder);
}

static void find_runtime(struct runtime *runtime, const char *subcommand)
{
	char path[PATH_SIZE];
	bool is_found;

	find_self(path);
	cut_base(path);
	bool is_installed = strcmp(base_name(path), "bin") == 0;
	if (is_installed) {
		cut_base(path);
		is_found = find_installed(runtime, strcmp(path, "/") == 0 ? "" : path);
	} else {
		is_found = find_copied(runtime, path);
	}
	if (!is_found)
		die(EXIT_OURS, "path of the runtime: %s", reason(errno));
	if (access(runtime->node, X_OK) != 0)
		die(EXIT_OURS, "argoexec %s needs Node at %s: %s; run it from the executor's image", subcommand,
		    runtime->node, reason(errno));
	/* A copy without a loader of its own is linked statically. */
	if (is_installed || access(runtime->loader, X_OK) != 0)
		runtime->loader[0] = '\0';
}

/* One flag a line; blank lines are nothing. */
static void add_flags(struct words *words, const char *file, char *text, size_t size)
{
	if (read_small(-1, file, text, size) < 0)
		return;
	for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		if (*trim(line) != '\0')
			add_word(words, trim(line));
	}
}

/*
 * Variables that make Node, OpenSSL or the loader do what we do not want, whoever set them: a webhook that gives every
 * container NODE_OPTIONS or NODE_EXTRA_CA_CERTS means the steps' programs (docs/environment.md).
 */
static bool is_foreign(const char *variable)
{
	static const char *const beginnings[] = { "NODE_", "LD_", "UV_", "OPENSSL_", "MALLOC_", "GLIBC_TUNABLES=",
						  "ARGOEXEC_CONTROL_FD=", "ARGOEXEC_TEMPLATE_FD=",
						  "ARGOEXEC_STATE_FD=", "ARGOEXEC_EVENT=",
						  "ARGOEXEC_PREPARED=" };

	for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
		if (strncmp(variable, beginnings[i], strlen(beginnings[i])) == 0)
			return true;
	}
	return false;
}

static void clean_environment(void)
{
	extern char **environ;
	char **to = environ;

	for (char **from = environ; *from != NULL; from++) {
		if (!is_foreign(*from))
			*to++ = *from;
	}
	*to = NULL;
}

/* No zone means UTC (tzset(3)). Told so, V8 does not compare all of /usr/share/zoneinfo with nothing, for 10 ms of CPU. */
static void name_zone(void)
{
	if (access("/etc/localtime", F_OK) != 0)
		(void)setenv("TZ", "UTC", 0);
}

static bool is_collector(const char *subcommand)
{
	return strcmp(subcommand, "wait") == 0 || strcmp(subcommand, "supervisor") == 0;
}

/* Commands that a pod's container consists of: the kernel keeps no signal for a first process that is starting. */
static bool is_first_process(const char *subcommand)
{
	static const char *const names[] = { "init", "agent", "artifact" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (strcmp(subcommand, names[i]) == 0)
			return true;
	}
	return false;
}

/*
 * The memory limit of this container's group, as src/transfer/memory-budget.ts reads it: version 2, else version 1, whose
 * "no limit" is a number near 2^63.
 */
static int64_t memory_limit(void)
{
	static const char *const files[] = { "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes" };
	char path[PATH_SIZE];

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		char text[32] = "";
		int64_t limit = INT64_MAX;

		if (!root_path(path, files[i]) || read_small(-1, path, text, sizeof text) <= 0)
			continue;
		text[strcspn(text, "\n")] = '\0';
		return parse_number(text, INT64_MAX, &limit) ? limit : INT64_MAX;
	}
	return INT64_MAX;
}

/*
 * Whether directories may come or go as objects of their own (`archive: none`), thousands of which are under way for longer
 * than a young generation of 1 MiB lasts: all that belongs to them would be moved to the old one first. Streams pay for a
 * larger one with memory, for their buffers die later; where there is little of it everybody keeps the small one, and so does
 * a template that is not in the environment.
 */
static bool wants_largest_young(const char *subcommand)
{
	const char *template = getenv("ARGO_TEMPLATE");

	if (!is_collector(subcommand) && strcmp(subcommand, "init") != 0)
		return false;
	return template != NULL && strstr(template, "\"none\"") != NULL && memory_limit() >= MEMORY_FOR_LARGEST;
}

void run_node(int argc, char **argv, const char *subcommand)
{
	static struct runtime runtime;
	static char flags[FLAGS_SIZE];
	static char library_flag[] = "--library-path";
	/* A fifth of the CPU of a sync of small objects for 1 MiB; the last one counts, and node.flags has another. */
	static char larger_young_flag[] = "--max-semi-space-size=4";
	/* A fifth of the CPU of 5,000 files of 4 KiB, for 4 MiB up and 12 MiB down; of a million, for 30. */
	static char largest_young_flag[] = "--max-semi-space-size=16";
	struct words words = { .count = 0 };

	if (strcmp(subcommand, "init") == 0 && init_plainly(argc, argv))
		exit(0);
	find_runtime(&runtime, subcommand);
	clean_environment();
	name_zone();
	bool has_loader = runtime.loader[0] != '\0';
	if (has_loader) {
		add_word(&words, runtime.loader);
		add_word(&words, library_flag);
		add_word(&words, runtime.libraries);
	}
	add_word(&words, runtime.node);
	add_flags(&words, runtime.flags, flags, sizeof flags);
	if (strcmp(subcommand, "sync") == 0)
		add_word(&words, larger_young_flag);
	if (wants_largest_young(subcommand))
		add_word(&words, largest_young_flag);
	add_word(&words, runtime.bundle);
	for (int i = 1; i < argc; i++)
		add_word(&words, argv[i]);
	bool is_supervisor = strcmp(subcommand, "supervisor") == 0;
	const struct collector collector = { argc, argv, is_supervisor ? prepare_plainly : NULL };
	if (is_collector(subcommand) || is_first_process(subcommand))
		run_phases(words.list, is_collector(subcommand) ? &collector : NULL);
	let_signals();
	execv(words.list[0], words.list);
	die(EXIT_OURS, "exec %s: %s", words.list[0], reason(errno));
}
