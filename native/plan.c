#include "plan.h"
#include "file.h"
#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PLAN_BYTES_MAX = 16 << 20 };

enum argument_form { TEXT, TEXT_TEXT, NUMBER, STREAM_NUMBER };

static const struct {
	const char *word;
	enum argument_form form;
	enum directive_kind kind;
} words[] = {
	{ "capture", STREAM_NUMBER, CAPTURE_STDOUT },
	{ "spool", NUMBER, SPOOL },
	{ "dependency", TEXT, DEPENDENCY },
	{ "attempts", NUMBER, ATTEMPTS },
	{ "pause", NUMBER, PAUSE },
	{ "ends-with", TEXT, ENDS_WITH },
	{ "output", TEXT, OUTPUT },
	{ "collector", TEXT, COLLECTOR },
	{ "input", TEXT_TEXT, INPUT },
	{ "mount", TEXT, MOUNT },
	{ "fail", TEXT, FAIL },
};

/* Cuts the next blank-separated word off the line. */
static char *take_word(char **line)
{
	char *word = *line;
	if (word == NULL)
		return NULL;
	char *blank = strchr(word, ' ');
	*line = blank == NULL ? NULL : blank + 1;
	if (blank != NULL)
		*blank = '\0';
	return *word == '\0' ? NULL : word;
}

static const char *take_text(char **line)
{
	char *word = take_word(line);
	return word != NULL && percent_decode(word) ? word : NULL;
}

static bool take_number(char **line, int64_t *number)
{
	const char *word = take_word(line);
	return word != NULL && parse_number(word, INT64_MAX, number);
}

static bool take_arguments(struct directive *directive, enum argument_form form, char **line)
{
	switch (form) {
	case TEXT:
		directive->text = take_text(line);
		return directive->text != NULL;
	case TEXT_TEXT:
		directive->text = take_text(line);
		directive->text2 = take_text(line);
		return directive->text != NULL && directive->text2 != NULL;
	case NUMBER:
		return take_number(line, &directive->number) && (directive->number >= 1 || directive->kind == PAUSE);
	case STREAM_NUMBER:
		break;
	}
	const char *stream = take_word(line);
	if (stream == NULL || (strcmp(stream, "stdout") != 0 && strcmp(stream, "combined") != 0))
		return false;
	directive->kind = strcmp(stream, "stdout") == 0 ? CAPTURE_STDOUT : CAPTURE_COMBINED;
	return take_number(line, &directive->number);
}

static bool parse_directive(struct directive *directive, char *line)
{
	const char *word = take_word(&line);
	for (size_t i = 0; word != NULL && i < sizeof words / sizeof words[0]; i++) {
		if (strcmp(word, words[i].word) == 0) {
			*directive = (struct directive){ .kind = words[i].kind };
			return take_arguments(directive, words[i].form, &line) && line == NULL;
		}
	}
	return false;
}

static size_t count_lines(const char *bytes, size_t length)
{
	size_t lines = 1;
	for (size_t i = 0; i < length; i++)
		lines += bytes[i] == '\n';
	return lines;
}

bool parse_plan(struct plan *plan, char *bytes, size_t length, char *error, size_t error_size)
{
	*plan = (struct plan){ .exists = true };
	if (strlen(bytes) != length) {
		snprintf(error, error_size, "the plan contains a NUL byte");
		return false;
	}
	plan->directives = calloc(count_lines(bytes, length), sizeof *plan->directives);
	if (plan->directives == NULL) {
		snprintf(error, error_size, "no memory for the plan");
		return false;
	}
	char *line = bytes;
	for (size_t number = 1; line != NULL; number++) {
		char *end = strchr(line, '\n');
		char *next = end == NULL ? NULL : end + 1;
		if (end != NULL)
			*end = '\0';
		if (number == 1 && strcmp(line, "plan 1") != 0) {
			snprintf(error, error_size, "line 1 of the plan is \"%.40s\", not \"plan 1\"", line);
			break;
		}
		bool is_end = next == NULL && *line == '\0';
		if (number > 1 && !is_end) {
			char word[80];
			snprintf(word, sizeof word, "%s", line);
			if (!parse_directive(&plan->directives[plan->count], line)) {
				snprintf(error, error_size, "line %zu of the plan cannot be understood: \"%s\"", number, word);
				break;
			}
			plan->count++;
		}
		line = next;
	}
	if (line == NULL)
		return true;
	free_plan(plan);
	return false;
}

/* A plan lies on the shared volume: no link leads to it. */
static char *read_shared(const char *path, const char *name, size_t max, size_t *length)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return NULL;
	char *bytes = read_file(folder, name, O_NOFOLLOW, max, length);
	int error = errno;
	close(folder);
	errno = error;
	return bytes;
}

bool read_plan(struct plan *plan, const char *container, char *error, size_t error_size)
{
	char folder[PATH_SIZE];
	char path[PATH_SIZE];
	size_t length = 0;

	*plan = (struct plan){ .exists = false };
	/* A container without a name has no plan, and the folder of plans is not one. */
	if (*container == '\0')
		return true;
	if (!root_path(folder, "/var/run/argo/plan") || !format_path(path, "%s/%s", folder, container)) {
		snprintf(error, error_size, "path of the plan: %s", reason(errno));
		return false;
	}
	char *bytes = read_shared(folder, container, PLAN_BYTES_MAX, &length);
	if (bytes == NULL && errno == ENOENT)
		return true;
	if (bytes == NULL) {
		snprintf(error, error_size, "open %s: %s", path, reason(errno));
		return false;
	}
	char detail[256];
	if (!parse_plan(plan, bytes, length, detail, sizeof detail)) {
		snprintf(error, error_size, "%s: %s; it must come from the same image as this program", path, detail);
		free(bytes);
		return false;
	}
	plan->bytes = bytes;
	return true;
}

void free_plan(struct plan *plan)
{
	free(plan->directives);
	free(plan->bytes);
	*plan = (struct plan){ .exists = false };
}

const struct directive *next_directive(const struct plan *plan, enum directive_kind kind,
				       const struct directive *previous)
{
	size_t i = previous == NULL ? 0 : (size_t)(previous - plan->directives) + 1;
	for (; i < plan->count; i++) {
		if (plan->directives[i].kind == kind)
			return &plan->directives[i];
	}
	return NULL;
}
