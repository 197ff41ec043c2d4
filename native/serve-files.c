#include "serve-files.h"
#include "report.h"
#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Where our parent has put its socket. */
enum { CONNECTION = 3 };

static int open_trusted(const char *path)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(EXIT_OURS, "serve-files: open %s: %s", path, reason(errno));
	return fd;
}

/* On a desk a volume is a link below the root: what the step calls PATH is at ROOT/PATH. */
static void add_mount(struct view *view, struct view_mount *mount, const char *root, char *path)
{
	char target[PATH_SIZE];

	clean_path(path);
	if (!format_path(target, "%s/%s", root, path))
		die(EXIT_OURS, "serve-files: %s: %s", path, reason(errno));
	*mount = (struct view_mount){ .path = path, .target = strdup(target) };
	view->mount_count += mount->target != NULL;
}

/* What our parent had open is none of our business: its lock, its connections. */
static void drop_descriptors(void)
{
	struct rlimit files;

	if (syscall(SYS_close_range, CONNECTION + 1U, UINT_MAX, 0U) == 0)
		return;
	long max = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < 65536 ? (long)files.rlim_cur : 65536;
	for (long fd = CONNECTION + 1; fd < max; fd++)
		(void)close((int)fd);
}

_Noreturn void run_serve_files(int argc, char **argv, int subcommand)
{
	struct view view = { .root = -1, .inputs_folder = -1 };
	const struct server server = { .view = &view, .release = -1 };
	struct view_mount *mounts = calloc((size_t)argc, sizeof *mounts);
	const char *root = NULL;
	struct rlimit files;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	drop_descriptors();
	forgo_termination_message();
	if (mounts == NULL)
		die(EXIT_OURS, "serve-files: no memory");
	for (int i = subcommand + 1; i < argc; i += 2) {
		if (i + 1 == argc)
			die(EXIT_OURS, "serve-files: flag needs an argument: %s", argv[i]);
		if (strcmp(argv[i], "--root") == 0) {
			root = argv[i + 1];
			view.root = open_trusted(root);
		} else if (strcmp(argv[i], "--inputs") == 0) {
			if (!format_path(view.inputs, "%s", argv[i + 1]))
				die(EXIT_OURS, "serve-files: --inputs: %s", reason(errno));
			/* Only init-less pods have it here. */
			view.inputs_folder = open(view.inputs, O_PATH | O_DIRECTORY | O_CLOEXEC);
		} else if (strcmp(argv[i], "--mount") == 0 && root != NULL) {
			add_mount(&view, &mounts[view.mount_count], root, argv[i + 1]);
		} else {
			die(EXIT_OURS, "serve-files: unknown flag: %s", argv[i]);
		}
	}
	if (view.root < 0)
		die(EXIT_OURS, "serve-files needs --root FOLDER");
	view.mounts = mounts;
	/* A walk holds one descriptor a level. */
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	serve_connection(&server, CONNECTION);
	_exit(0);
}
