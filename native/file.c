#include "file.h"
#include "shared.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Reads until `size` bytes or the end. */
static ssize_t read_to_end(int fd, char *bytes, size_t size)
{
	size_t length = 0;
	while (length < size) {
		ssize_t count = read(fd, bytes + length, size - length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		length += (size_t)count;
	}
	return (ssize_t)length;
}

static int close_keeping_errno(int fd)
{
	int error = errno;
	close(fd);
	errno = error;
	return -1;
}

char *read_file(int folder, const char *path, int flags, size_t max, size_t *length)
{
	struct stat status;
	int fd = open_regular(folder, path, flags);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) != 0) {
		close_keeping_errno(fd);
		return NULL;
	}
	size_t size = (size_t)status.st_size;
	char *bytes = NULL;
	ssize_t count = -1;
	if (size > max)
		errno = EFBIG;
	else if ((bytes = malloc(size + 1)) != NULL)
		count = read_to_end(fd, bytes, size);
	close_keeping_errno(fd);
	if (count < 0) {
		int error = errno;
		free(bytes);
		errno = error;
		return NULL;
	}
	bytes[count] = '\0';
	*length = (size_t)count;
	return bytes;
}

ssize_t read_small(int dir, const char *path, char *text, size_t size)
{
	int fd = open_regular(dir, path, O_NOFOLLOW);
	if (fd < 0)
		return -1;
	ssize_t count = read_to_end(fd, text, size - 1);
	close_keeping_errno(fd);
	text[count < 0 ? 0 : count] = '\0';
	return count;
}

bool make_folders(char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		return true;
	if (errno == ENOENT) {
		char *slash = strrchr(path, '/');
		if (slash == NULL || slash == path)
			return false;
		*slash = '\0';
		bool has_parent = make_folders(path, mode);
		if (has_parent)
			*slash = '/';
		/* On failure the path stays cut: it names the folder that could not be made. */
		return has_parent && (mkdir(path, mode) == 0 || errno == EEXIST);
	}
	struct stat status;
	int error = errno;
	/* A read-only file system may answer EROFS for a folder that is there. */
	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return true;
	errno = error == EEXIST ? ENOTDIR : error;
	return false;
}
