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
	{ "tree", REQUEST_TREE, 2 },
	{ "release", REQUEST_RELEASE, 0 },
};

static bool take_arguments(struct request *request, char *const *arguments, int count)
{
	if (count == 0)
		return true;
	request->path = arguments[0];
	if (!percent_decode(arguments[0]) || *request->path == '\0')
		return false;
	if (count == 3 && !parse_number(arguments[1], INT64_MAX, &request->offset))
		return false;
	return count == 1 || parse_number(arguments[count - 1], INT64_MAX, &request->length);
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

/* What cannot be opened: missing, which is no answer to who wants bytes, or an error with the path. */
static void send_problem(struct stream *stream, const struct request *request, int error, bool leads_out)
{
	const char *path = request->path;

	if (leads_out)
		send_frame_format(stream, 'X',
				  "%s is a link that leads out of the volumes of the step: write the output itself, or a "
				  "relative link",
				  path);
	else if (error == ENOENT || error == ENOTDIR) {
		send_frame(stream, 'S', "missing");
		if (request->kind != REQUEST_STAT)
			send_frame_format(stream, 'X', "stat %s: %s", path, reason(error));
	} else
		send_frame_format(stream, 'X', "stat %s: %s", path, reason(error));
}

static void send_status(struct stream *stream, const struct stat *status)
{
	unsigned mode = status->st_mode & 07777;

	if (S_ISREG(status->st_mode))
		send_frame_format(stream, 'S', "file %lld %lld %o", (long long)status->st_size,
				  (long long)mtime_ms(status), mode);
	else if (S_ISDIR(status->st_mode))
		send_frame_format(stream, 'S', "directory - %lld %o", (long long)mtime_ms(status), mode);
	else
		send_frame(stream, 'S', "other");
}

/*
 * Looks at a path without opening what may be a FIFO or a device. Sends the `S` frame; false where nothing is there and
 * the answer is complete.
 */
static bool look(const struct server *server, struct stream *stream, const struct request *request, struct stat *status)
{
	bool leads_out;
	int fd = open_in_view(server->view, request->path, O_PATH, &leads_out);

	if (fd < 0 || fstat(fd, status) != 0) {
		send_problem(stream, request, errno, leads_out);
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(fd);
	send_status(stream, status);
	return true;
}

static void send_range(const struct server *server, struct stream *stream, const struct request *request)
{
	struct stat status;
	bool leads_out;
	/* Opened first, so that the size is this file's; never waiting for the writer of a FIFO. */
	int file = open_in_view(server->view, request->path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &leads_out);
	int error = errno;

	if (file < 0 || fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
		bool is_there = look(server, stream, request, &status);
		if (is_there && S_ISREG(status.st_mode))
			send_frame_format(stream, 'X', "open %s: %s", request->path, reason(error));
		else if (is_there)
			send_frame_format(stream, 'X', "%s is not a regular file", request->path);
		if (file >= 0)
			close(file);
		return;
	}
	send_status(stream, &status);
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

static void send_walk(const struct server *server, struct stream *stream, const struct request *request)
{
	struct stat status;
	bool is_tree = request->kind == REQUEST_TREE;

	if (!look(server, stream, request, &status))
		return;
	if (!S_ISDIR(status.st_mode) && (is_tree || !S_ISREG(status.st_mode))) {
		send_frame_format(stream, 'X', "%s is not a %s", request->path,
				  is_tree ? "directory" : "regular file or directory");
		return;
	}
	bool is_done = is_tree ? list_path(stream, server->view, request->path, request->length) :
				 tar_path(stream, server->view, request->path);
	if (is_done)
		send_frame(stream, 'E', "");
}

/* An output of the plan, or a file below one, named without detours. */
static bool is_served(const struct plan *plan, const char *path)
{
	const struct directive *output = NULL;
	char clean[PATH_SIZE];

	if (plan == NULL)
		return true;
	if (!format_path(clean, "%s", path))
		return false;
	clean_path(clean);
	while ((output = next_directive(plan, OUTPUT, output)) != NULL) {
		if (strcmp(output->text, path) == 0)
			return true;
		if (strcmp(clean, path) == 0 && path_contains(output->text, path))
			return true;
	}
	return false;
}

void answer_request(const struct server *server, struct stream *stream, const struct request *request)
{
	struct stat status;

	if (!is_served(server->plan, request->path))
		send_frame_format(stream, 'X', "%s is not an output of this container", request->path);
	else if (request->kind == REQUEST_STAT)
		(void)look(server, stream, request, &status);
	else if (request->kind == REQUEST_READ)
		send_range(server, stream, request);
	else
		send_walk(server, stream, request);
}

static void answer(const struct server *server, struct stream *stream, const struct request *request)
{
	if (request->kind != REQUEST_RELEASE) {
		answer_request(server, stream, request);
		return;
	}
	send_frame(stream, 'E', "");
	if (server->release >= 0)
		(void)write_all(server->release, "r", 1);
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

void serve_connection(const struct server *server, int connection)
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
			answer(server, stream, &request);
		else
			send_frame(stream, 'X', "not a request: use stat PATH, read PATH OFFSET LENGTH, tar PATH, tree PATH LENGTH or release");
		memmove(input->bytes, input->bytes + length, input->length - length);
		input->length -= length;
	}
}
