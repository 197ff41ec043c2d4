#include "stream.h"
#include "report.h"
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

enum {
	HEADER_SIZE = 9,
	/* A frame cannot be taken back when the file turns out shorter: it is filled up, so it must not be huge. */
	FILE_FRAME_MAX = 1 << 20,
	TEXT_FRAME_MAX = 3 * PATH_SIZE,
};

static void send_all(struct stream *stream, const void *bytes, size_t length)
{
	if (!write_all(stream->fd, bytes, length))
		_exit(0);
}

static void send_header(struct stream *stream, char type, uint64_t length)
{
	unsigned char header[HEADER_SIZE] = { (unsigned char)type };
	for (int i = 1; i < HEADER_SIZE; i++)
		header[i] = (unsigned char)(length >> (8 * (HEADER_SIZE - 1 - i)));
	send_all(stream, header, sizeof header);
}

void flush_data(struct stream *stream)
{
	if (stream->length == 0)
		return;
	send_header(stream, 'D', stream->length);
	send_all(stream, stream->buffer, stream->length);
	stream->length = 0;
}

void send_data(struct stream *stream, const void *bytes, size_t length)
{
	const char *from = bytes;
	while (length > 0) {
		size_t room = STREAM_BUFFER - stream->length;
		size_t part = length < room ? length : room;
		memcpy(stream->buffer + stream->length, from, part);
		stream->length += part;
		from += part;
		length -= part;
		if (stream->length == STREAM_BUFFER)
			flush_data(stream);
	}
}

void send_zeros(struct stream *stream, size_t length)
{
	static const char zeros[512];
	while (length > 0) {
		size_t part = length < sizeof zeros ? length : sizeof zeros;
		send_data(stream, zeros, part);
		length -= part;
	}
}

/* Many small files share a frame. Returns the bytes added, or -1 with errno. */
static int64_t send_small_file(struct stream *stream, int file, int64_t offset, size_t length)
{
	if (STREAM_BUFFER - stream->length < length)
		flush_data(stream);
	size_t done = 0;
	while (done < length) {
		ssize_t count = pread(file, stream->buffer + stream->length, length - done, offset + (int64_t)done);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0)
			return -1;
		if (count == 0)
			break;
		stream->length += (size_t)count;
		done += (size_t)count;
	}
	return (int64_t)done;
}

/* The rest of a frame by read and write, where the file system cannot sendfile, and zeros behind the file's end. */
static int64_t copy_frame(struct stream *stream, int file, int64_t offset, int64_t length)
{
	int64_t done = 0;
	int error = 0;

	while (done < length) {
		size_t part = length - done < STREAM_BUFFER ? (size_t)(length - done) : STREAM_BUFFER;
		ssize_t count = error != 0 ? -1 : pread(file, stream->buffer, part, offset + done);
		if (count < 0 && error == 0 && errno == EINTR)
			continue;
		if (count <= 0) {
			error = count < 0 && error == 0 ? errno : error;
			break;
		}
		send_all(stream, stream->buffer, (size_t)count);
		done += count;
	}
	int64_t missing = length - done;
	memset(stream->buffer, 0, STREAM_BUFFER);
	for (int64_t left = missing; left > 0; left -= STREAM_BUFFER)
		send_all(stream, stream->buffer, left < STREAM_BUFFER ? (size_t)left : STREAM_BUFFER);
	errno = error;
	return error != 0 ? -1 : missing;
}

static int64_t send_file_frame(struct stream *stream, int file, int64_t offset, int64_t length)
{
	off_t at = offset;

	send_header(stream, 'D', (uint64_t)length);
	while (at < offset + length) {
		ssize_t count = sendfile(stream->fd, file, &at, (size_t)(offset + length - at));
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 && (errno == EPIPE || errno == ECONNRESET))
			_exit(0);
		if (count <= 0)
			return copy_frame(stream, file, at, offset + length - at);
	}
	return 0;
}

int64_t send_file(struct stream *stream, int file, int64_t offset, int64_t length)
{
	if (length <= STREAM_BUFFER) {
		int64_t done = send_small_file(stream, file, offset, (size_t)length);
		return done < 0 ? -1 : length - done;
	}
	flush_data(stream);
	while (length > 0) {
		int64_t part = length < FILE_FRAME_MAX ? length : FILE_FRAME_MAX;
		int64_t missing = send_file_frame(stream, file, offset, part);
		if (missing != 0)
			return missing < 0 ? -1 : missing + (length - part);
		offset += part;
		length -= part;
	}
	return 0;
}

void send_frame_parts(struct stream *stream, char type, const char *first, const char *second)
{
	size_t length = strlen(first);
	size_t more = strlen(second);
	flush_data(stream);
	send_header(stream, type, length + more);
	send_all(stream, first, length);
	send_all(stream, second, more);
}

void send_frame(struct stream *stream, char type, const char *text)
{
	send_frame_parts(stream, type, text, "");
}

void send_frame_format(struct stream *stream, char type, const char *format, ...)
{
	char text[TEXT_FRAME_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	send_frame(stream, type, text);
}
