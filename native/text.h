/* Text and numbers: decoding, parsing, joining, without allocation. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any path that the kernel takes. */
enum { PATH_SIZE = 4096 };

/* Decodes a percent-encoded argument in place; false where the encoding is wrong or hides a NUL. */
bool percent_decode(char *text);

/* Reads a whole non-negative decimal number of at most `max`; false for anything else. */
bool parse_number(const char *text, int64_t max, int64_t *number);

/* Removes white space at both ends, in place; returns the new beginning. */
char *trim(char *text);

/* Writes a formatted path; false and errno ENAMETOOLONG where it does not fit into PATH_SIZE. */
bool format_path(char path[static PATH_SIZE], const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts ARGOEXEC_ROOT in front of an absolute path of the contract. */
bool root_path(char path[static PATH_SIZE], const char *absolute);

/* The file `file` of the container `name`, or its folder where `file` is empty. */
bool container_path(char path[static PATH_SIZE], const char *name, const char *file);

/* Cleans a path lexically, in place: no `.`, `..`, doubled or trailing slash. */
void clean_path(char *path);

/* Whether `path` is `parent` or lies below it; both clean. */
bool path_contains(const char *parent, const char *path);

/* The last element of a clean path. */
const char *base_name(const char *path);

/* Milliseconds on the monotonic clock. */
int64_t now_ms(void);

/* The text of errno as Go's and the contract's messages have it: "no such file or directory". */
const char *reason(int error);

#endif
