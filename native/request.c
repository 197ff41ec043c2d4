#include "request.h"
#include "report.h"
#include "stream.h"
#include "tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Every byte of a path may take three. */
enum { LINE_SIZE = 3 * PATH_SIZE + 128 };

static const struct {
	const char *word;
	enum request_kind kind;
	int arguments;
} requests[] = {
	{ "stat", REQUEST_STAT, 1 },
	{ "read", REQUEST_READ, 3 },
	{ "tar", REQUEST_TAR, 1 },
	{ "release", REQUEST_RELEASE, 0 },
};

static bool take_arguments(struct request *request, char *const *arguments, int count)
{
	if (count == 0)
		return true;
	request->path = arguments[0];
	if (!percent_decode(arguments[0]) || *request->path == '\0')
		return false;
	return count == 1 || (parse_number(arguments[1], INT64_MAX, &request->offset) &&
			      parse_number(arguments[2], INT64_MAX, &request->length));
}

bool parse_request(char *line, struct request *request)
{
	char *words[4];
	int count = 0;

	*request = (struct request){ .path = NULL };
	for (char *at = line; at != NULL && count < 4;) {
		words[count++] = at;
		at = strchr(at, ' ');
		if (at != NULL)
			*at++ = '\0';
		if (at != NULL && count == 4)
			return false;
	}
	for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
		if (strcmp(words[0], requests[i].word) == 0 && count == requests[i].arguments + 1) {
			request->kind = requests[i].kind;
			return take_arguments(request, words + 1, count - 1);
		}
	}
	return false;
}

static int64_t mtime_ms(const struct stat *status)
{
	return (int64_t)status->st_mtim.tv_sec * 1000 + status->st_mtim.tv_nsec / 1000000;
}

/* The `S` frame. Returns whether there is a file or folder to send. */
static bool send_status(struct stream *stream, const char *path, struct stat *status)
{
	unsigned mode;

	if (stat(path, status) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			send_frame(stream, 'S', "missing");
		else
			send_frame_format(stream, 'X', "stat %s: %s", path, reason(errno));
		return false;
	}
	mode = status->st_mode & 07777;
	if (S_ISREG(status->st_mode))
		send_frame_format(stream, 'S', "file %lld %lld %o", (long long)status->st_size,
				  (long long)mtime_ms(status), mode);
	else if (S_ISDIR(status->st_mode))
		send_frame_format(stream, 'S', "directory - %lld %o", (long long)mtime_ms(status), mode);
	else
		send_frame(stream, 'S', "other");
	return S_ISREG(status->st_mode) || S_ISDIR(status->st_mode);
}

/* After an `S` frame that leaves nothing to send, a request for bytes has failed. */
static void refuse_bytes(struct stream *stream, const char *path, const char *what)
{
	struct stat status;
	if (stat(path, &status) != 0)
		send_frame_format(stream, 'X', "stat %s: %s", path, reason(errno));
	else
		send_frame_format(stream, 'X', "%s is not a %s", path, what);
}

static void send_range(struct stream *stream, const struct request *request)
{
	struct stat status;
	/* Opened first, so that the size is this file's; never waiting for the writer of a FIFO. */
	int file = open(request->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int error = errno;

	if (file < 0 || fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
		if (!send_status(stream, request->path, &status) || !S_ISREG(status.st_mode))
			refuse_bytes(stream, request->path, "regular file");
		else
			send_frame_format(stream, 'X', "open %s: %s", request->path, reason(error));
		if (file >= 0)
			close(file);
		return;
	}
	send_frame_format(stream, 'S', "file %lld %lld %o", (long long)status.st_size, (long long)mtime_ms(&status),
			  (unsigned)(status.st_mode & 07777));
	int64_t left = status.st_size > request->offset ? status.st_size - request->offset : 0;
	int64_t length = request->length < left ? request->length : left;
	int64_t missing = send_file(stream, file, request->offset, length);
	if (missing < 0)
		send_frame_format(stream, 'X', "read %s: %s", request->path, reason(errno));
	else if (missing > 0)
		send_frame_format(stream, 'X', "%s became shorter by %lld bytes while it was read", request->path,
				  (long long)missing);
	else
		send_frame(stream, 'E', "");
	close(file);
}

static void send_tar(struct stream *stream, const char *path)
{
	struct stat status;
	if (!send_status(stream, path, &status))
		refuse_bytes(stream, path, "regular file or directory");
	else if (tar_path(stream, path))
		send_frame(stream, 'E', "");
}

static bool is_output(const struct plan *plan, const char *path)
{
	const struct directive *output = NULL;
	while ((output = next_directive(plan, OUTPUT, output)) != NULL) {
		if (strcmp(output->text, path) == 0)
			return true;
	}
	return false;
}

static void answer(const struct plan *plan, struct stream *stream, const struct request *request, int release)
{
	struct stat status;

	if (request->kind == REQUEST_RELEASE) {
		send_frame(stream, 'E', "");
		(void)write_all(release, "r", 1);
		return;
	}
	if (!is_output(plan, request->path)) {
		send_frame_format(stream, 'X', "%s is not an output of this container", request->path);
		return;
	}
	if (request->kind == REQUEST_STAT)
		(void)send_status(stream, request->path, &status);
	else if (request->kind == REQUEST_READ)
		send_range(stream, request);
	else
		send_tar(stream, request->path);
}

/* Bytes of the connection that are not answered yet. */
struct input {
	char bytes[LINE_SIZE];
	size_t length;
};

/* The next line, cut off at its newline; NULL when the client has hung up or sends no lines. */
static char *read_line(struct input *input, int connection, size_t *line_length)
{
	for (;;) {
		char *newline = memchr(input->bytes, '\n', input->length);
		if (newline != NULL) {
			*newline = '\0';
			*line_length = (size_t)(newline - input->bytes) + 1;
			return input->bytes;
		}
		if (input->length == sizeof input->bytes)
			return NULL;
		ssize_t count = read(connection, input->bytes + input->length, sizeof input->bytes - input->length);
		if (count < 0 && errno == EINTR)
			continue;
		if (count <= 0)
			return NULL;
		input->length += (size_t)count;
	}
}

void serve_connection(const struct plan *plan, int connection, int release)
{
	struct input *input = calloc(1, sizeof *input);
	struct stream *stream = calloc(1, sizeof *stream);
	struct request request;
	size_t length;
	char *line;

	if (input == NULL || stream == NULL)
		return;
	stream->fd = connection;
	while ((line = read_line(input, connection, &length)) != NULL) {
		/* Decoding cuts the line in pieces, so its length was taken before. */
		if (parse_request(line, &request))
			answer(plan, stream, &request, release);
		else
			send_frame(stream, 'X', "not a request: use stat PATH, read PATH OFFSET LENGTH, tar PATH or release");
		memmove(input->bytes, input->bytes + length, input->length - length);
		input->length -= length;
	}
}
