#include "args.h"
#include "file.h"
#include "report.h"
#include "shared.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ARGUMENTS_BYTES_MAX = 64 << 20,
	/* The kernel's MAX_ARG_STRLEN counts the NUL (docs/contract/pod.md#defect-34). */
	ARGUMENT_LENGTH_MAX = 131071,
};

struct reader {
	char *at;
	const char *end;
	char *to; /* where the next decoded byte goes; never beyond `at` */
	const char *problem;
};

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

static bool take(struct reader *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

static int read_hex4(struct reader *r)
{
	int value = 0;
	if (r->end - r->at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = *r->at++;
		int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
			    c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

static void put_utf8(struct reader *r, uint32_t c)
{
	if (c < 0x80) {
		*r->to++ = (char)c;
	} else if (c < 0x800) {
		*r->to++ = (char)(0xc0 | c >> 6);
		*r->to++ = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		*r->to++ = (char)(0xe0 | c >> 12);
		*r->to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*r->to++ = (char)(0x80 | (c & 0x3f));
	} else {
		*r->to++ = (char)(0xf0 | c >> 18);
		*r->to++ = (char)(0x80 | (c >> 12 & 0x3f));
		*r->to++ = (char)(0x80 | (c >> 6 & 0x3f));
		*r->to++ = (char)(0x80 | (c & 0x3f));
	}
}

/* Behind `\u`; a surrogate that has no partner becomes U+FFFD, as Go has it. */
static bool read_unicode_escape(struct reader *r)
{
	enum { REPLACEMENT = 0xfffd };
	int c = read_hex4(r);

	if (c <= 0) {
		r->problem = c < 0 ? "\\u wants four hexadecimal digits" : "an argument cannot contain a NUL";
		return false;
	}
	if (c >= 0xd800 && c < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
		struct reader ahead = *r;
		ahead.at += 2;
		int low = read_hex4(&ahead);
		if (low >= 0xdc00 && low < 0xe000) {
			r->at = ahead.at;
			put_utf8(r, 0x10000 + ((uint32_t)(c - 0xd800) << 10) + (uint32_t)(low - 0xdc00));
			return true;
		}
	}
	put_utf8(r, c >= 0xd800 && c < 0xe000 ? REPLACEMENT : (uint32_t)c);
	return true;
}

static bool read_escape(struct reader *r)
{
	static const char escapes[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";

	if (take(r, 'u'))
		return read_unicode_escape(r);
	const char *escape = r->at < r->end && *r->at != '\0' ? strchr(escapes, *r->at) : NULL;
	if (escape == NULL) {
		r->problem = "unknown escape";
		return false;
	}
	r->at++;
	*r->to++ = meanings[escape - escapes];
	return true;
}

/* A string, decoded in place; the closing quote makes room for its NUL. */
static char *read_string(struct reader *r)
{
	if (!take(r, '"')) {
		r->problem = "expected a string";
		return NULL;
	}
	char *text = r->to = r->at;
	while (!take(r, '"')) {
		if (r->at == r->end || (unsigned char)*r->at < ' ') {
			r->problem = r->at == r->end ? "unfinished string" : "control character in a string";
			return NULL;
		}
		char c = *r->at++;
		if (c != '\\')
			*r->to++ = c;
		else if (!read_escape(r))
			return NULL;
	}
	*r->to = '\0';
	return text;
}

/* No array has more elements than commas and one. */
static size_t count_elements_max(const char *bytes, size_t length)
{
	size_t count = 1;
	for (size_t i = 0; i < length; i++)
		count += bytes[i] == ',';
	return count;
}

static bool read_elements(struct reader *r, char **elements, size_t *count)
{
	*count = 0;
	skip_blanks(r);
	if (take(r, ']'))
		return true;
	for (;;) {
		skip_blanks(r);
		char *element = read_string(r);
		if (element == NULL)
			return false;
		elements[(*count)++] = element;
		skip_blanks(r);
		if (take(r, ']'))
			return true;
		if (!take(r, ',')) {
			r->problem = "expected , or ]";
			return false;
		}
	}
}

char **parse_string_array(char *bytes, size_t length, size_t *count, char *error, size_t error_size)
{
	struct reader r = { .at = bytes, .end = bytes + length, .to = bytes };
	char **elements = calloc(count_elements_max(bytes, length) + 1, sizeof *elements);

	if (elements == NULL) {
		snprintf(error, error_size, "no memory");
		return NULL;
	}
	skip_blanks(&r);
	bool is_read = take(&r, '[') && read_elements(&r, elements, count);
	skip_blanks(&r);
	if (is_read && r.at == r.end)
		return elements;
	snprintf(error, error_size, "not a JSON array of strings: %s at byte %zu",
		 r.problem != NULL ? r.problem : is_read ? "more text behind it" : "expected [", (size_t)(r.at - bytes));
	free(elements);
	return NULL;
}

static bool write_argument(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0644);
	if (fd < 0)
		return false;
	bool is_written = write_all(fd, text, strlen(text));
	int error = errno;
	close(fd);
	errno = error;
	return is_written;
}

static bool share_argument(const char *container, const char *name, const char *text, char path[static PATH_SIZE])
{
	int folder = container_path(path, container, name) ? open_container(container, false) : -1;
	if (folder < 0)
		return false;
	bool is_done = publish_file(folder, name, text, 0644);
	int error = errno;
	close(folder);
	errno = error;
	return is_done;
}

/* Moves one argument into a file; `@path` in new memory, or NULL with errno and the path that failed. */
static char *spill_argument(const char *text, size_t index, const char *container, char path[static PATH_SIZE])
{
	char name[64];
	char folder[PATH_SIZE];

	snprintf(name, sizeof name, "argo_arg_%zu.txt", index);
	if (!root_path(folder, "/tmp") || !format_path(path, "%s/%s", folder, name))
		return NULL;
	/* A read-only /tmp: the container's own folder on the shared volume (docs/contract/pod.md#defect-35). */
	if (!write_argument(path, text) && !share_argument(container, name, text, path))
		return NULL;
	char *reference = malloc(strlen(path) + 2);
	if (reference != NULL) {
		*reference = '@';
		strcpy(reference + 1, path);
	}
	return reference;
}

static const char *spill_long_arguments(char **command, const char *container)
{
	static char error[PATH_SIZE + 256];
	char path[PATH_SIZE];

	for (size_t i = 1; command[i] != NULL; i++) {
		if (strlen(command[i]) <= ARGUMENT_LENGTH_MAX)
			continue;
		char *reference = spill_argument(command[i], i - 1, container, path);
		if (reference == NULL) {
			snprintf(error, sizeof error, "failed to write argument %zu to %s: %s", i - 1, path, reason(errno));
			return error;
		}
		command[i] = reference;
	}
	return NULL;
}

/* The file of the contract lives below the root; any other path is used as it is. */
static bool arguments_path(const char *value, char path[static PATH_SIZE])
{
	return strncmp(value, "/argo/config/", 13) == 0 ? root_path(path, value) : format_path(path, "%s", value);
}

const char *collect_arguments(char ***command, const char *container)
{
	static char error[PATH_SIZE + 256];
	const char *value = getenv("ARGO_CONTAINER_ARGS_FILE");
	char path[PATH_SIZE];
	char detail[128];
	size_t length, more, own = 0;

	if (value == NULL || *value == '\0')
		return NULL;
	char *bytes = arguments_path(value, path) ? read_file(AT_FDCWD, path, 0, ARGUMENTS_BYTES_MAX, &length) : NULL;
	if (bytes == NULL) {
		snprintf(error, sizeof error, "failed to read the arguments file %s: %s", value, reason(errno));
		return error;
	}
	char **elements = parse_string_array(bytes, length, &more, detail, sizeof detail);
	if (elements == NULL) {
		snprintf(error, sizeof error, "arguments file %s: %s", value, detail);
		free(bytes);
		return error;
	}
	while ((*command)[own] != NULL)
		own++;
	char **all = calloc(own + more + 1, sizeof *all);
	if (all == NULL)
		return "no memory for the arguments";
	memcpy(all, *command, own * sizeof *all);
	memcpy(all + own, elements, more * sizeof *all);
	free(elements);
	/* The strings stay where they were read, until the program ends. */
	*command = all;
	return spill_long_arguments(all, container);
}
