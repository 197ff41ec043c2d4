/*
 * JSON text (RFC 8259), walked from the front without a tree: for readers that know what they want and give up on
 * everything else. What is not plain (bytes beyond ASCII, keys with escapes or twice in an object, deep nesting) is refused:
 * whoever asks has somebody to ask who reads all of it.
 */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>

struct json {
	const char *at;
	const char *end;
};

/* A part of the text; it is not ended by NUL. */
struct slice {
	const char *at;
	size_t length;
};

bool slice_is(struct slice slice, const char *text);

/* Reads the value of a member, or an element; false ends the walk. */
typedef bool json_reader(struct json *json, struct slice key, void *context);

/* Each member of an object, or each element of an array, whose key is empty; false where it is none, or not plain. */
bool json_object(struct json *json, json_reader *read, void *context);
bool json_array(struct json *json, json_reader *read, void *context);

/* A string without escapes. */
bool json_plain_string(struct json *json, struct slice *text);

bool json_boolean(struct json *json, bool *value);

/* Any one value. */
bool json_skip(struct json *json);

/* Whether nothing but white space is left. */
bool json_ends(struct json *json);

#endif
