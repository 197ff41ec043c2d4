#include "report.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LINE_SIZE = 2 * MESSAGE_SIZE };

struct line {
	char text[LINE_SIZE];
	size_t length;
};

static void append_byte(struct line *line, char c)
{
	/* The last byte is kept for the end of the line. */
	if (line->length < LINE_SIZE - 1)
		line->text[line->length++] = c;
}

static void append(struct line *line, const char *text)
{
	while (*text != '\0')
		append_byte(line, *text++);
}

static void append_quoted(struct line *line, const char *text)
{
	append_byte(line, '"');
	for (; *text != '\0'; text++) {
		char escape[8];
		unsigned char c = (unsigned char)*text;
		if (c == '"' || c == '\\') {
			append_byte(line, '\\');
			append_byte(line, *text);
		} else if (c == '\n') {
			append(line, "\\n");
		} else if (c < ' ') {
			snprintf(escape, sizeof escape, "\\u%04x", c);
			append(line, escape);
		} else {
			append_byte(line, *text);
		}
	}
	append_byte(line, '"');
}

static bool needs_quotes(const char *text)
{
	if (*text == '\0')
		return true;
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text <= ' ' || *text == '"' || *text == '=')
			return true;
	}
	return false;
}

static void append_pair(struct line *line, bool json, const char *key, const char *value)
{
	if (json) {
		append_byte(line, line->length == 0 ? '{' : ',');
		append_quoted(line, key);
		append_byte(line, ':');
		append_quoted(line, value);
		return;
	}
	if (line->length > 0)
		append_byte(line, ' ');
	append(line, key);
	append_byte(line, '=');
	if (needs_quotes(value))
		append_quoted(line, value);
	else
		append(line, value);
}

static void format_time(char *text, size_t size)
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	/* strftime would bring in the time zones. */
	snprintf(text, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday,
		 utc.tm_hour, utc.tm_min, utc.tm_sec, (int)(now.tv_nsec / 1000000));
}

void log_line(const struct log *log, enum log_level level, const char *message, const char *key,
	      const char *format, ...)
{
	static const char *const names[] = { "DEBUG", "INFO", "WARN", "ERROR" };
	struct line line = { .length = 0 };
	char value[MESSAGE_SIZE];
	char time[96];
	va_list arguments;

	if (level < log->level)
		return;
	va_start(arguments, format);
	vsnprintf(value, sizeof value, format, arguments);
	va_end(arguments);
	format_time(time, sizeof time);
	append_pair(&line, log->json, "time", time);
	append_pair(&line, log->json, "level", names[level]);
	append_pair(&line, log->json, "msg", message);
	append(&line, log->json ? ",\"argo\":true" : " argo=true");
	append_pair(&line, log->json, key, value);
	if (log->json)
		append_byte(&line, '}');
	line.text[line.length++] = '\n';
	/* A log that cannot be written has nobody to be told to. */
	(void)write_all(STDERR_FILENO, line.text, line.length);
}

bool write_all(int fd, const void *bytes, unsigned long length)
{
	const char *from = bytes;
	while (length > 0) {
		ssize_t written = write(fd, from, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		from += written;
		length -= (unsigned long)written;
	}
	return true;
}

void print_error(const char *text)
{
	char line[MESSAGE_SIZE + 16];
	int length = snprintf(line, sizeof line, "Error: %s\n", text);
	(void)write_all(STDERR_FILENO, line, (unsigned long)length);
}

static bool leaves_termination_message = true;

void forgo_termination_message(void)
{
	leaves_termination_message = false;
}

void write_termination_message(const char *text)
{
	char path[PATH_SIZE];
	int fd = -1;

	if (!leaves_termination_message)
		return;
	if (root_path(path, "/dev/termination-log"))
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || !write_all(fd, text, strlen(text))) {
		const struct log log = { .level = LOG_WARN };
		log_line(&log, LOG_WARN, "cannot write the termination message", "error", "%s: %s", path,
			 reason(errno));
	}
	if (fd >= 0)
		close(fd);
}

void die(int status, const char *format, ...)
{
	char text[MESSAGE_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	print_error(text);
	write_termination_message(text);
	exit(status);
}
