/* Answers on the outputs socket, as frames: type, 8-byte length, bytes (README.md, "Serving outputs"). */
#ifndef STREAM_H
#define STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_BUFFER = 65536 };

/*
 * Collects data into frames of a good size. A client that is gone ends the process: it serves nobody else. So does
 * nothing here fail.
 */
struct stream {
	int fd;
	size_t length;
	char buffer[STREAM_BUFFER];
};

/* Sends collected data as a `D` frame. */
void flush_data(struct stream *stream);

/* Adds data. */
void send_data(struct stream *stream, const void *bytes, size_t length);
void send_zeros(struct stream *stream, size_t length);

/*
 * Sends exactly `length` bytes of an open file. Returns how many of them the file lacked, and -1 with errno where it
 * cannot be read; what was announced is then made up with zeros.
 */
int64_t send_file(struct stream *stream, int file, int64_t offset, int64_t length);

/* One whole frame of two texts, however long. */
void send_frame_parts(struct stream *stream, char type, const char *first, const char *second);

/* One whole frame of text: S, W, X or, without text, E. Collected data goes first. */
void send_frame(struct stream *stream, char type, const char *text);
void send_frame_format(struct stream *stream, char type, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
