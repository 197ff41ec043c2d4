#include "tar.h"
#include "header.h"
#include "listing.h"
#include "names.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A level costs a descriptor and some stack. */
enum { DEPTH_MAX = 8000, OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

struct walk {
	struct stream *stream;
	const struct view *view;
	bool is_list;	  /* no tar, but `N` frames */
	int64_t body_max; /* of a list */
	const char *parent; /* what stands before `name` in messages */
	char *name;	    /* of the current entry in the archive; grows and shrinks with the walk */
	size_t name_length;
	size_t name_size;
	int depth;
	bool in_inputs;		 /* below a link that was followed: no second one is */
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

/* What a list calls an entry; folders do not appear in one. */
static void send_name(struct walk *walk, char type, const struct stat *status)
{
	char kind[40];
	const char *slash = strchr(walk->name, '/');

	if (type == '5' || slash == NULL)
		return;
	if (type == '0')
		snprintf(kind, sizeof kind, "file %lld ", (long long)status->st_size);
	else
		snprintf(kind, sizeof kind, "%s ", type == '2' ? "symlink" : type == '6' ? "fifo" : type == 's' ? "socket" : "device");
	send_frame_parts(walk->stream, 'N', kind, slash + 1);
}

static void send_entry(struct walk *walk, char type, const struct stat *status)
{
	if (walk->is_list) {
		send_name(walk, type, status);
		return;
	}
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
	if (walk->is_list && status.st_size > walk->body_max)
		return true;
	/*
	 * A snapshot by size: what was appended since is left out, what is missing is an error
	 * (docs/contract/scenarios.md#S12).
	 */
	int64_t missing = send_file(walk->stream, file, 0, status.st_size);
	if (missing < 0)
		return fail_walk(walk, "read", errno);
	if (missing > 0) {
		send_frame_format(walk->stream, 'X', "%s%s became shorter by %lld bytes while it was read", walk->parent,
				  walk->name, (long long)missing);
		return false;
	}
	if (!walk->is_list)
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

static bool tar_descriptor(struct walk *walk, int fd, const struct stat *status)
{
	if (S_ISDIR(status->st_mode))
		return tar_folder(walk, fd);
	/* It was a file or a folder when it was looked at. */
	return S_ISREG(status->st_mode) ? tar_file(walk, fd) : fail_walk(walk, "open", EINVAL);
}

/* What is behind `name`, opened so that neither a FIFO nor something swapped in meanwhile can hold us. */
static bool tar_opened(struct walk *walk, int folder, const char *name)
{
	struct stat status;
	int fd = openat(folder, name, OPEN_FLAGS | O_NOFOLLOW);
	if (fd < 0)
		return fail_walk(walk, "open", errno);
	bool is_done = fstat(fd, &status) == 0 ? tar_descriptor(walk, fd, &status) : fail_walk(walk, "stat", errno);
	close(fd);
	return is_done;
}

/* A link is stored as it is, unless it stands for an input artifact (docs/contract/pod.md#defect-24). */
static bool tar_link(struct walk *walk, int folder, const char *name, const struct stat *status)
{
	struct stat target;
	ssize_t length = readlinkat(folder, name, walk->link, sizeof walk->link - 1);

	if (length < 0)
		return fail_walk(walk, "readlink", errno);
	walk->link[length] = '\0';
	int fd = walk->in_inputs ? -1 : open_input(walk->view, walk->link, OPEN_FLAGS);
	if (fd < 0 || fstat(fd, &target) != 0 || (!S_ISREG(target.st_mode) && !S_ISDIR(target.st_mode))) {
		if (fd >= 0)
			close(fd);
		send_entry(walk, '2', status);
		return true;
	}
	walk->in_inputs = true;
	bool is_done = tar_descriptor(walk, fd, &target);
	walk->in_inputs = false;
	close(fd);
	return is_done;
}

static bool tar_entry(struct walk *walk, int folder, const char *name)
{
	struct stat status;

	if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
		return fail_walk(walk, "stat", errno);
	switch (status.st_mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
		return tar_opened(walk, folder, name);
	case S_IFLNK:
		return tar_link(walk, folder, name, &status);
	case S_IFSOCK:
		if (walk->is_list)
			send_name(walk, 's', &status);
		else
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

static bool walk_path(struct walk *walk, const char *path, const char *absolute)
{
	struct stat status;
	char parent[PATH_SIZE];
	bool leads_out;
	const char *base = base_name(absolute);

	(void)format_path(parent, "%.*s", (int)(base - absolute), absolute);
	walk->parent = parent;
	if (!push_name(walk, base))
		return false;
	/* The path itself may be a link: what it stands for is the artifact. */
	int fd = open_in_view(walk->view, path, OPEN_FLAGS, &leads_out);
	if (fd < 0 || fstat(fd, &status) != 0)
		return fail_walk(walk, fd < 0 ? "open" : "stat", errno);
	bool is_done = tar_descriptor(walk, fd, &status);
	close(fd);
	if (is_done && !walk->is_list)
		send_zeros(walk->stream, 2 * TAR_BLOCK);
	return is_done;
}

static bool start_walk(struct walk *walk, const char *path)
{
	char absolute[PATH_SIZE];

	if (!make_absolute(absolute, path)) {
		send_frame_format(walk->stream, 'X', "open %s: %s", path, reason(errno));
		return false;
	}
	walk->users = (struct names){ .file = "/etc/passwd", .id = -1 };
	walk->groups = (struct names){ .file = "/etc/group", .id = -1 };
	bool is_done = walk_path(walk, path, absolute);
	free(walk->name);
	return is_done;
}

bool tar_path(struct stream *stream, const struct view *view, const char *path)
{
	struct walk walk = { .stream = stream, .view = view };
	return start_walk(&walk, path);
}

bool list_path(struct stream *stream, const struct view *view, const char *path, int64_t body_max)
{
	struct walk walk = { .stream = stream, .view = view, .is_list = true, .body_max = body_max };
	return start_walk(&walk, path);
}
