#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool percent_decode(char *text)
{
	if (strcmp(text, "%") == 0) {
		*text = '\0';
		return true;
	}
	char *to = text;
	for (const char *from = text; *from != '\0'; from++) {
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		int high = hex_digit(from[1]);
		int low = high < 0 ? -1 : hex_digit(from[2]);
		if (low < 0 || high + low == 0)
			return false;
		*to++ = (char)(high * 16 + low);
		from += 2;
	}
	*to = '\0';
	return true;
}

bool parse_number(const char *text, int64_t max, int64_t *number)
{
	int64_t value = 0;

	if (*text == '\0')
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		int digit = *text - '0';
		if (value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

char *trim(char *text)
{
	static const char blanks[] = " \t\r\n\v\f";
	text += strspn(text, blanks);
	size_t length = strlen(text);
	while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
		length--;
	text[length] = '\0';
	return text;
}

bool format_path(char path[static PATH_SIZE], const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(path, PATH_SIZE, format, arguments);
	va_end(arguments);
	if (length >= 0 && length < PATH_SIZE)
		return true;
	errno = ENAMETOOLONG;
	return false;
}

bool root_path(char path[static PATH_SIZE], const char *absolute)
{
	const char *root = getenv("ARGOEXEC_ROOT");
	return format_path(path, "%s%s", root == NULL ? "" : root, absolute);
}

bool container_path(char path[static PATH_SIZE], const char *name, const char *file)
{
	char folder[PATH_SIZE];
	return root_path(folder, "/var/run/argo/ctr/") &&
	       format_path(path, "%s%s%s%s", folder, name, *file == '\0' ? "" : "/", file);
}

void clean_path(char *path)
{
	bool rooted = *path == '/';
	char *start = path + (rooted ? 1 : 0);
	char *to = start;
	const char *from = start;

	while (*from != '\0') {
		size_t length = strcspn(from, "/");
		bool is_up = length == 2 && from[0] == '.' && from[1] == '.';
		bool can_drop = to > start && !(to - start >= 2 && to[-1] == '.' && to[-2] == '.' &&
						(to - start == 2 || to[-3] == '/'));
		if (length == 0 || (length == 1 && *from == '.') || (is_up && rooted && to == start)) {
			/* nothing of it stays */
		} else if (is_up && can_drop) {
			while (to > start && to[-1] != '/')
				to--;
			if (to > start)
				to--;
		} else {
			if (to > start)
				*to++ = '/';
			memmove(to, from, length);
			to += length;
		}
		from += length;
		from += *from == '/';
	}
	if (to == path)
		*to++ = '.';
	*to = '\0';
}

bool path_contains(const char *parent, const char *path)
{
	size_t length = strlen(parent);
	if (strcmp(parent, "/") == 0)
		return *path == '/';
	return strncmp(parent, path, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL || slash[1] == '\0' ? path : slash + 1;
}

int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

const char *reason(int error)
{
	static char text[128];
	snprintf(text, sizeof text, "%s", strerror(error));
	if (text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z')
		text[0] += 'a' - 'A';
	return text;
}
