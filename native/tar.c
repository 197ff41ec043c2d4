#include "tar.h"
#include "header.h"
#include "listing.h"
#include "names.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A level costs a descriptor and some stack. */
enum { DEPTH_MAX = 8000 };

struct walk {
	struct stream *stream;
	const char *parent; /* what stands before `name` in messages */
	char *name;	    /* of the current entry in the archive; grows and shrinks with the walk */
	size_t name_length;
	size_t name_size;
	int depth;
	bool in_inputs;		 /* below a link that was followed: no second one is */
	char inputs[PATH_SIZE];	 /* where links are followed to */
	char link[PATH_SIZE];	 /* the target of the current link */
	struct names users;
	struct names groups;
};

static bool tar_entry(struct walk *walk, int folder, const char *name);

static bool fail_walk(struct walk *walk, const char *call, int error)
{
	send_frame_format(walk->stream, 'X', "%s %s%s: %s", call, walk->parent, walk->name, reason(error));
	return false;
}

static bool push_name(struct walk *walk, const char *name)
{
	size_t length = strlen(name);
	size_t needed = walk->name_length + length + 2;

	if (needed > walk->name_size) {
		char *larger = realloc(walk->name, needed * 2);
		if (larger == NULL)
			return fail_walk(walk, "malloc", ENOMEM);
		walk->name = larger;
		walk->name_size = needed * 2;
	}
	if (walk->name_length > 0)
		walk->name[walk->name_length++] = '/';
	memcpy(walk->name + walk->name_length, name, length + 1);
	walk->name_length += length;
	return true;
}

static void pop_name(struct walk *walk, size_t length)
{
	walk->name_length = length;
	walk->name[length] = '\0';
}

static void send_entry(struct walk *walk, char type, const struct stat *status)
{
	bool is_device = type == '3' || type == '4';
	const struct entry entry = {
		.name = walk->name,
		.link = type == '2' ? walk->link : "",
		.type = type,
		.mode = status->st_mode & 07777,
		.uid = status->st_uid,
		.gid = status->st_gid,
		.size = type == '0' ? status->st_size : 0,
		/* To the nearest second. */
		.mtime = status->st_mtim.tv_sec + (status->st_mtim.tv_nsec >= 500000000 ? 1 : 0),
		.device_major = is_device ? major(status->st_rdev) : 0,
		.device_minor = is_device ? minor(status->st_rdev) : 0,
		.user = find_name(&walk->users, status->st_uid),
		.group = find_name(&walk->groups, status->st_gid),
	};
	send_header_blocks(walk->stream, &entry);
}

static bool tar_file(struct walk *walk, int file)
{
	struct stat status;

	if (fstat(file, &status) != 0)
		return fail_walk(walk, "stat", errno);
	send_entry(walk, '0', &status);
	/* A snapshot by size: what was appended since is left out, what is missing is an error (scenario S12). */
	int64_t missing = send_file(walk->stream, file, 0, status.st_size);
	if (missing < 0)
		return fail_walk(walk, "read", errno);
	if (missing > 0) {
		send_frame_format(walk->stream, 'X', "%s%s became shorter by %lld bytes while it was read", walk->parent,
				  walk->name, (long long)missing);
		return false;
	}
	send_zeros(walk->stream, (size_t)((TAR_BLOCK - status.st_size % TAR_BLOCK) % TAR_BLOCK));
	return true;
}

static bool tar_folder(struct walk *walk, int folder)
{
	struct listing listing;
	struct stat status;

	if (fstat(folder, &status) != 0)
		return fail_walk(walk, "stat", errno);
	if (walk->depth == DEPTH_MAX)
		return fail_walk(walk, "open", ELOOP);
	if (!read_folder(folder, &listing))
		return fail_walk(walk, "read", errno);
	send_entry(walk, '5', &status);
	walk->depth++;
	bool is_done = true;
	for (size_t i = 0; is_done && i < listing.count; i++) {
		size_t length = walk->name_length;
		is_done = push_name(walk, listing.names[i]) && tar_entry(walk, folder, listing.names[i]);
		pop_name(walk, length);
	}
	walk->depth--;
	free_listing(&listing);
	return is_done;
}

/* What is behind `name`, opened so that neither a FIFO nor something swapped in meanwhile can hold us. */
static bool tar_opened(struct walk *walk, int folder, const char *name, bool is_folder, bool follows)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (follows ? 0 : O_NOFOLLOW) |
		    (is_folder ? O_DIRECTORY : 0);
	int fd = openat(folder, name, flags);
	if (fd < 0)
		return fail_walk(walk, "open", errno);
	bool is_done = is_folder ? tar_folder(walk, fd) : tar_file(walk, fd);
	close(fd);
	return is_done;
}

/* A link is stored as it is, unless it stands for an input artifact (contract pod.md, defect 24). */
static bool tar_link(struct walk *walk, int folder, const char *name, const struct stat *status)
{
	struct stat target;
	ssize_t length = readlinkat(folder, name, walk->link, sizeof walk->link - 1);

	if (length < 0)
		return fail_walk(walk, "readlink", errno);
	walk->link[length] = '\0';
	bool follows = !walk->in_inputs && path_contains(walk->inputs, walk->link) &&
		       fstatat(folder, name, &target, 0) == 0 && (S_ISREG(target.st_mode) || S_ISDIR(target.st_mode));
	if (!follows) {
		send_entry(walk, '2', status);
		return true;
	}
	walk->in_inputs = true;
	bool is_done = tar_opened(walk, folder, name, S_ISDIR(target.st_mode), true);
	walk->in_inputs = false;
	return is_done;
}

static bool tar_entry(struct walk *walk, int folder, const char *name)
{
	struct stat status;

	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return fail_walk(walk, "stat", errno);
	switch (status.st_mode & S_IFMT) {
	case S_IFREG:
		return tar_opened(walk, folder, name, false, false);
	case S_IFDIR:
		return tar_opened(walk, folder, name, true, false);
	case S_IFLNK:
		return tar_link(walk, folder, name, &status);
	case S_IFSOCK:
		send_frame_format(walk->stream, 'W', "left out the socket %s%s", walk->parent, walk->name);
		return true;
	default:
		send_entry(walk, S_ISCHR(status.st_mode) ? '3' : S_ISBLK(status.st_mode) ? '4' : '6', &status);
		return true;
	}
}

/* The path absolute and clean, so that it has a last element to name the archive's root after. */
static bool make_absolute(char absolute[static PATH_SIZE], const char *path)
{
	char home[PATH_SIZE];

	if (*path == '/') {
		if (!format_path(absolute, "%s", path))
			return false;
	} else if (getcwd(home, sizeof home) == NULL || !format_path(absolute, "%s/%s", home, path)) {
		return false;
	}
	clean_path(absolute);
	return true;
}

static bool walk_path(struct walk *walk, const char *absolute)
{
	struct stat status;
	char parent[PATH_SIZE];
	const char *base = base_name(absolute);

	(void)format_path(parent, "%.*s", (int)(base - absolute), absolute);
	walk->parent = parent;
	if (!push_name(walk, base))
		return false;
	if (stat(absolute, &status) != 0)
		return fail_walk(walk, "stat", errno);
	/* The path itself may be a link: what it stands for is the artifact. */
	if (!tar_opened(walk, AT_FDCWD, absolute, S_ISDIR(status.st_mode), true))
		return false;
	send_zeros(walk->stream, 2 * TAR_BLOCK);
	return true;
}

bool tar_path(struct stream *stream, const char *path)
{
	char absolute[PATH_SIZE];
	struct walk *walk = calloc(1, sizeof *walk);

	if (walk == NULL || !make_absolute(absolute, path) || !root_path(walk->inputs, "/argo/inputs/artifacts")) {
		send_frame_format(stream, 'X', "open %s: %s", path, reason(errno));
		free(walk);
		return false;
	}
	walk->stream = stream;
	walk->users = (struct names){ .file = "/etc/passwd", .id = -1 };
	walk->groups = (struct names){ .file = "/etc/group", .id = -1 };
	bool is_done = walk_path(walk, absolute);
	free(walk->name);
	free(walk);
	return is_done;
}
