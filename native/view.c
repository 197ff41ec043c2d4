#include "view.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LINKS_MAX = 40, FOLDERS_MAX = 256, REST_SIZE = 2 * PATH_SIZE, NAME_BYTES = 256 };

/* On the way: the folders from the root to where we are, and what is left to go. */
struct way {
	const struct view *view;
	int root;
	int folders[FOLDERS_MAX];
	size_t starts[FOLDERS_MAX]; /* how long `at` was before each */
	size_t depth;
	char at[PATH_SIZE]; /* as the step calls it */
	char rest[REST_SIZE];
	char name[NAME_BYTES]; /* the element that is looked at */
	int links;
	bool leads_out;
};

static int here(const struct way *way)
{
	return way->depth == 0 ? way->root : way->folders[way->depth - 1];
}

static void go_up(struct way *way)
{
	if (way->depth == 0) {
		way->leads_out = true;
		return;
	}
	way->depth--;
	close(way->folders[way->depth]);
	way->at[way->starts[way->depth]] = '\0';
}

static void go_to_root(struct way *way)
{
	while (way->depth > 0)
		go_up(way);
}

static bool go_down(struct way *way, int folder)
{
	size_t length = strlen(way->at);

	if (way->depth == FOLDERS_MAX || length + strlen(way->name) + 2 > sizeof way->at) {
		close(folder);
		errno = ENAMETOOLONG;
		return false;
	}
	way->starts[way->depth] = length;
	way->folders[way->depth++] = folder;
	snprintf(way->at + length, sizeof way->at - length, "/%s", way->name);
	return true;
}

/* Cuts the next element off `rest`; false at the end, or with errno where it is too long to be a name. */
static bool take_name(struct way *way)
{
	const char *from = way->rest + strspn(way->rest, "/");
	size_t length = strcspn(from, "/");

	errno = 0;
	if (length >= NAME_BYTES)
		errno = ENAMETOOLONG;
	if (length == 0 || length >= NAME_BYTES)
		return false;
	memcpy(way->name, from, length);
	way->name[length] = '\0';
	from += length;
	memmove(way->rest, from, strlen(from) + 1);
	return true;
}

static bool is_last(const struct way *way)
{
	return way->rest[strspn(way->rest, "/")] == '\0';
}

/* Puts what a link says in front of the rest. False with errno, EINVAL where `name` is no link. */
static bool take_link(struct way *way)
{
	char text[PATH_SIZE];
	char joined[REST_SIZE];
	ssize_t length = readlinkat(here(way), way->name, text, sizeof text - 1);

	if (length < 0)
		return false;
	text[length] = '\0';
	if (++way->links > LINKS_MAX) {
		errno = ELOOP;
		return false;
	}
	if (snprintf(joined, sizeof joined, "%s/%s", text, way->rest) >= (int)sizeof joined) {
		errno = ENAMETOOLONG;
		return false;
	}
	strcpy(way->rest, joined);
	if (*text == '/') {
		go_to_root(way);
		way->leads_out = true;
	}
	return true;
}

static int open_mount(const struct way *way, int flags)
{
	char path[PATH_SIZE];

	if (way->view->mount_count == 0 || !format_path(path, "%s/%s", way->at, way->name))
		return -1;
	for (size_t i = 0; i < way->view->mount_count; i++) {
		if (strcmp(way->view->mounts[i].path, path) == 0)
			return open(way->view->mounts[i].target, flags);
	}
	return -1;
}

/* The element as it is, never through a link: its descriptor, or -1 with errno ELOOP where it is a link. */
static int open_element(const struct way *way, int flags)
{
	struct stat status;
	int fd = open_mount(way, flags);

	if (fd >= 0)
		return fd;
	fd = openat(here(way), way->name, flags | O_NOFOLLOW);
	/* O_PATH opens the link itself. */
	if (fd >= 0 && (flags & O_PATH) != 0 && fstat(fd, &status) == 0 && S_ISLNK(status.st_mode)) {
		close(fd);
		errno = ELOOP;
		return -1;
	}
	return fd;
}

static bool is_link_error(int error)
{
	/* O_DIRECTORY says of a link that it is no folder. */
	return error == ELOOP || error == ENOTDIR;
}

/* To the end of `rest`: the descriptor of what is there. */
static int go(struct way *way, int flags)
{
	while (take_name(way)) {
		if (strcmp(way->name, ".") == 0)
			continue;
		if (strcmp(way->name, "..") == 0) {
			go_up(way);
			continue;
		}
		bool ends = is_last(way);
		int fd = open_element(way, ends ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC);
		int error = errno;
		if (fd >= 0 && ends)
			return fd;
		if (fd >= 0) {
			if (!go_down(way, fd))
				return -1;
		} else if (!is_link_error(error)) {
			errno = error;
			return -1;
		} else if (!take_link(way)) {
			/* No link after all: what the kernel said counts. */
			errno = errno == EINVAL ? error : errno;
			return -1;
		}
	}
	return errno == 0 ? openat(here(way), ".", flags) : -1;
}

static int open_below(const struct view *view, int root, const char *path, int flags, bool *leads_out)
{
	struct way *way = calloc(1, sizeof *way);

	if (way == NULL)
		return -1;
	way->view = view;
	way->root = root;
	int fd = -1;
	if (snprintf(way->rest, sizeof way->rest, "%s", path) < (int)sizeof way->rest)
		fd = go(way, flags | O_CLOEXEC);
	else
		errno = ENAMETOOLONG;
	int error = errno;
	*leads_out = fd < 0 && error == ENOENT && way->leads_out;
	go_to_root(way);
	free(way);
	errno = error;
	return fd;
}

bool open_own_view(struct view *view)
{
	*view = (struct view){ .root = -1, .inputs_folder = -1 };
	if (!root_path(view->inputs, "/argo/inputs/artifacts"))
		return false;
	/* In the legacy layout there is no such folder, and no link leads there. */
	view->inputs_folder = open(view->inputs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return true;
}

int open_in_view(const struct view *view, const char *path, int flags, bool *leads_out)
{
	*leads_out = false;
	return view->root < 0 ? open(path, flags | O_CLOEXEC) : open_below(view, view->root, path, flags, leads_out);
}

int open_input(const struct view *view, const char *link, int flags)
{
	static const struct view nothing_mounted = { .root = -1 };
	bool leads_out;

	if (view->inputs_folder < 0 || !path_contains(view->inputs, link)) {
		errno = ENOENT;
		return -1;
	}
	return open_below(&nothing_mounted, view->inputs_folder, link + strlen(view->inputs), flags, &leads_out);
}
