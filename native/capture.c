#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A reader of our own stream that takes nothing for so long after the command ended is gone. */
enum { SLOW_READER_MS = 5000 };

bool open_capture(struct capture *capture, struct emissary *e, const char **failed)
{
	const struct directive *out = next_directive(&e->plan, CAPTURE_STDOUT, NULL);
	const struct directive *combined = next_directive(&e->plan, CAPTURE_COMBINED, NULL);
	const struct directive *spool = next_directive(&e->plan, SPOOL, NULL);
	bool is_asked = !e->plan.exists && is_true("ARGO_INCLUDE_SCRIPT_OUTPUT");

	capture->out.fd = -1;
	capture->combined.fd = -1;
	capture->channels[0].from = capture->channels[1].from = capture->input.from = -1;
	*failed = "stdout";
	if ((out != NULL || is_asked) && !open_whole(&capture->out, e->folder, *failed, out == NULL ? 0 : out->number))
		return false;
	*failed = "combined";
	if (combined != NULL && combined->number > 0)
		return open_segmented(&capture->combined, e->folder, *failed, combined->number,
				      spool == NULL ? 0 : spool->number);
	return (combined == NULL && !is_asked) || open_whole(&capture->combined, e->folder, *failed, 0);
}

void close_capture(struct capture *capture)
{
	if (capture->out.fd >= 0)
		close(capture->out.fd);
	if (capture->combined.fd >= 0)
		close(capture->combined.fd);
}

static void open_channel(struct channel *channel, int from, int to)
{
	struct stat status;
	int size = fcntl(to, F_GETPIPE_SZ);

	channel->from = from;
	channel->to = to;
	channel->is_pipe = size > 0;
	channel->room = PIPE_BUF;
	if (size > 0)
		channel->room = (size_t)size;
	else if (fstat(to, &status) == 0 && S_ISREG(status.st_mode))
		channel->room = CHUNK_SIZE;
	channel->length = channel->offset = 0;
	channel->files[0] = channel->files[1] = NULL;
}

/* One pipe; our end does not block. */
static bool open_pipe(struct channel *channel, int to, int *command_end)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	open_channel(channel, ends[0], to);
	*command_end = ends[1];
	return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
}

static bool open_terminal_streams(struct capture *capture, struct emissary *e, struct streams *streams)
{
	e->tty = open_terminal(&streams->tty);
	if (e->tty < 0)
		return false;
	/* One reader: the terminal mixes both streams anyway (docs/contract/pod.md#defect-11). */
	open_channel(&capture->channels[0], e->tty, STDOUT_FILENO);
	open_channel(&capture->input, STDIN_FILENO, e->tty);
	return true;
}

bool open_streams(struct capture *capture, struct emissary *e, struct streams *streams)
{
	struct channel *out = &capture->channels[0];
	struct channel *err = &capture->channels[1];

	*streams = (struct streams){ -1, -1, -1 };
	e->tty = -1;
	capture->is_terminal = isatty(STDIN_FILENO) == 1;
	if (capture->is_terminal) {
		if (!open_terminal_streams(capture, e, streams))
			return false;
	} else {
		bool has_out = capture->out.fd >= 0 || capture->combined.fd >= 0;
		if (has_out && !open_pipe(out, STDOUT_FILENO, &streams->out))
			return false;
		if (capture->combined.fd >= 0 && !open_pipe(err, STDERR_FILENO, &streams->err))
			return false;
	}
	out->files[0] = &capture->out;
	out->files[1] = &capture->combined;
	err->files[0] = &capture->combined;
	return true;
}

void close_streams(struct streams *streams)
{
	const int ends[] = { streams->out, streams->err, streams->tty };
	for (int i = 0; i < 3; i++) {
		if (ends[i] >= 0)
			close(ends[i]);
	}
}

static void append_to_file(struct capture_file *file, const char *bytes, size_t length, const struct log *log)
{
	if (file == NULL || file->fd < 0)
		return;
	if (append_bytes(file, bytes, length))
		return;
	/* What follows a gap is no use: keep the beginning whole and say so. */
	log_line(log, LOG_ERROR, "output is captured no further", "error", "write: %s", reason(errno));
	close(file->fd);
	file->fd = -1;
}

static bool is_writable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLOUT };
	return poll(&poll_fd, 1, 0) == 1;
}

/*
 * How much our own stream takes now without blocking. It may be shared, so it cannot be made non-blocking; but a pipe
 * that poll calls writable takes PIPE_BUF bytes, and an empty one all that it can hold.
 */
static size_t writable_length(const struct channel *channel)
{
	int held = 0;

	if (!is_writable(channel->to))
		return 0;
	if (channel->is_pipe && (ioctl(channel->to, FIONREAD, &held) != 0 || held > 0))
		return PIPE_BUF;
	return channel->room;
}

static void write_pending(struct channel *channel)
{
	size_t room;

	while (channel->length > 0 && channel->to >= 0 && (room = writable_length(channel)) > 0) {
		size_t length = channel->length < room ? channel->length : room;
		ssize_t written = write(channel->to, channel->chunk + channel->offset, length);
		if (written < 0 && (errno == EINTR || errno == EAGAIN))
			return;
		if (written < 0) {
			/* Nobody reads our stream any more; the files still want it. */
			channel->to = -1;
			break;
		}
		channel->offset += (size_t)written;
		channel->length -= (size_t)written;
	}
	if (channel->to < 0)
		channel->length = 0;
}

/* Reads one chunk; false where nothing (more) is there. */
static bool read_chunk(struct channel *channel, const struct log *log)
{
	ssize_t length = read(channel->from, channel->chunk, sizeof channel->chunk);
	if (length < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (length <= 0) {
		/* A terminal whose other side is closed answers EIO. Our own standard input is not ours to close. */
		if (channel->from != STDIN_FILENO)
			close(channel->from);
		channel->from = -1;
		return false;
	}
	for (int i = 0; i < TO_MAX; i++)
		append_to_file(channel->files[i], channel->chunk, (size_t)length, log);
	channel->offset = 0;
	channel->length = (size_t)length;
	return true;
}

int64_t held_until(struct capture *capture, const struct emissary *e)
{
	int64_t until = full_until(&capture->combined);

	/* A command that was told to end gets rid of its last words, whatever becomes of the first ones. */
	if (until >= 0 && (e->stop_signal != 0 || now_ms() >= until)) {
		log_line(&e->log, LOG_WARN, "output is not taken away in time: the oldest is left out from now on", "printed",
			 "%lld", (long long)capture->combined.size);
		stop_spooling(&capture->combined);
		until = -1;
	}
	capture->is_held = until >= 0;
	return until;
}

nfds_t capture_polls(struct capture *capture, struct pollfd *fds)
{
	struct channel *const channels[] = { &capture->channels[0], &capture->channels[1], &capture->input };
	nfds_t count = 0;

	for (int i = 0; i < 3; i++) {
		if (channels[i]->length > 0)
			fds[count++] = (struct pollfd){ .fd = channels[i]->to, .events = POLLOUT };
		else if (channels[i]->from >= 0 && (i == 2 || !capture->is_held))
			fds[count++] = (struct pollfd){ .fd = channels[i]->from, .events = POLLIN };
	}
	return count;
}

static void copy_channel(struct channel *channel, const struct log *log)
{
	struct pollfd poll_fd = { .fd = channel->from, .events = POLLIN };

	write_pending(channel);
	/* Standard input may block, so it is only read when it has something. */
	if (channel->length == 0 && channel->from >= 0 && poll(&poll_fd, 1, 0) == 1 && read_chunk(channel, log))
		write_pending(channel);
}

void copy_ready(struct capture *capture, const struct log *log)
{
	for (int i = 0; i < 2; i++) {
		if (capture->is_held)
			write_pending(&capture->channels[i]);
		else
			copy_channel(&capture->channels[i], log);
	}
	/* A terminal that the command has left takes no input. */
	if (capture->channels[0].from < 0)
		capture->input.from = -1;
	if (capture->input.from >= 0)
		copy_channel(&capture->input, log);
	else
		capture->input.length = 0;
}

bool is_capturing(const struct capture *capture)
{
	return capture->channels[0].from >= 0 || capture->channels[1].from >= 0;
}

static void wait_writable(struct channel *channel)
{
	struct pollfd poll_fd = { .fd = channel->to, .events = POLLOUT };
	if (channel->to >= 0 && poll(&poll_fd, 1, SLOW_READER_MS) <= 0)
		channel->to = -1;
	write_pending(channel);
}

/* Copies what the pipe held when the command's time was over; what descendants add meanwhile is not waited for. */
static void drain_channel(struct channel *channel, const struct log *log)
{
	int left = 0;

	while (channel->length > 0)
		wait_writable(channel);
	if (channel->from >= 0 && ioctl(channel->from, FIONREAD, &left) != 0)
		left = 0;
	while (left > 0 && channel->from >= 0 && read_chunk(channel, log)) {
		left -= (int)channel->length;
		while (channel->length > 0)
			wait_writable(channel);
	}
	if (channel->from >= 0)
		close(channel->from);
	channel->from = -1;
}

void finish_streams(struct capture *capture, const struct log *log)
{
	for (int i = 0; i < 2; i++)
		drain_channel(&capture->channels[i], log);
	capture->input.from = -1;
	capture->input.length = 0;
}
