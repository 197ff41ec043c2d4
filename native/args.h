/* The command's arguments where they are too long for the pod or for the kernel (docs/contract/pod.md#5.4 step 3). */
#ifndef ARGS_H
#define ARGS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Reads a JSON array of strings from memory, which is overwritten: the strings are decoded in place. Returns a new
 * array of pointers into it, or NULL with a message naming the offset.
 */
char **parse_string_array(char *bytes, size_t length, size_t *count, char *error, size_t error_size);

/*
 * Appends the arguments of ARGO_CONTAINER_ARGS_FILE and moves those that the kernel would refuse into files. Without
 * the variable nothing is touched. NULL, or what went wrong.
 */
const char *collect_arguments(char ***command, const char *container);

#endif
