#include "json.h"

#include <string.h>

enum { DEPTH_MAX = 32, KEYS_MAX = 64 };

bool slice_is(struct slice slice, const char *text)
{
	return strlen(text) == slice.length && memcmp(slice.at, text, slice.length) == 0;
}

static void skip_space(struct json *json)
{
	while (json->at < json->end && strchr(" \t\n\r", *json->at) != NULL && *json->at != '\0')
		json->at++;
}

static bool take(struct json *json, char wanted)
{
	skip_space(json);
	if (json->at == json->end || *json->at != wanted)
		return false;
	json->at++;
	return true;
}

static bool take_word(struct json *json, const char *word)
{
	size_t length = strlen(word);

	skip_space(json);
	if ((size_t)(json->end - json->at) < length || memcmp(json->at, word, length) != 0)
		return false;
	json->at += length;
	return true;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hexadecimal(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Behind the backslash. */
static bool skip_escape(struct json *json)
{
	if (json->at == json->end)
		return false;
	char kind = *json->at++;
	if (kind != 'u')
		return kind != '\0' && strchr("\"\\/bfnrt", kind) != NULL;
	for (int i = 0; i < 4; i++, json->at++) {
		if (json->at == json->end || !is_hexadecimal(*json->at))
			return false;
	}
	return true;
}

static bool read_string(struct json *json, struct slice *text, bool *has_escapes)
{
	if (!take(json, '"'))
		return false;
	*text = (struct slice){ json->at, 0 };
	*has_escapes = false;
	while (json->at < json->end && *json->at != '"') {
		unsigned char c = (unsigned char)*json->at++;
		if (c < 0x20 || c >= 0x7f)
			return false;
		if (c == '\\') {
			*has_escapes = true;
			if (!skip_escape(json))
				return false;
		}
	}
	text->length = (size_t)(json->at - text->at);
	return take(json, '"');
}

bool json_plain_string(struct json *json, struct slice *text)
{
	bool has_escapes;

	return read_string(json, text, &has_escapes) && !has_escapes;
}

bool json_boolean(struct json *json, bool *value)
{
	*value = take_word(json, "true");
	return *value || take_word(json, "false");
}

static bool skip_digits(struct json *json)
{
	const char *from = json->at;

	while (json->at < json->end && is_digit(*json->at))
		json->at++;
	return json->at > from;
}

static bool is_next(const struct json *json, const char *any)
{
	return json->at < json->end && *json->at != '\0' && strchr(any, *json->at) != NULL;
}

static bool skip_number(struct json *json)
{
	skip_space(json);
	if (is_next(json, "-"))
		json->at++;
	bool is_zero = is_next(json, "0");
	const char *whole = json->at;
	if (!skip_digits(json) || (is_zero && json->at - whole > 1))
		return false;
	if (is_next(json, ".")) {
		json->at++;
		if (!skip_digits(json))
			return false;
	}
	if (!is_next(json, "eE"))
		return true;
	json->at++;
	if (is_next(json, "+-"))
		json->at++;
	return skip_digits(json);
}

static bool skip_value(struct json *json, int depth);

static bool skip_members(struct json *json, int depth)
{
	struct slice key;

	if (!take(json, '{'))
		return false;
	if (take(json, '}'))
		return true;
	do {
		if (!json_plain_string(json, &key) || !take(json, ':') || !skip_value(json, depth))
			return false;
	} while (take(json, ','));
	return take(json, '}');
}

static bool skip_elements(struct json *json, int depth)
{
	if (!take(json, '['))
		return false;
	if (take(json, ']'))
		return true;
	do {
		if (!skip_value(json, depth))
			return false;
	} while (take(json, ','));
	return take(json, ']');
}

static bool skip_value(struct json *json, int depth)
{
	struct slice text;
	bool has_escapes;

	skip_space(json);
	if (depth == DEPTH_MAX || json->at == json->end)
		return false;
	switch (*json->at) {
	case '{':
		return skip_members(json, depth + 1);
	case '[':
		return skip_elements(json, depth + 1);
	case '"':
		return read_string(json, &text, &has_escapes);
	case 't':
		return take_word(json, "true");
	case 'f':
		return take_word(json, "false");
	case 'n':
		return take_word(json, "null");
	default:
		return skip_number(json);
	}
}

bool json_skip(struct json *json)
{
	return skip_value(json, 0);
}

bool json_object(struct json *json, json_reader *read, void *context)
{
	struct slice keys[KEYS_MAX];
	size_t count = 0;

	if (!take(json, '{'))
		return false;
	if (take(json, '}'))
		return true;
	do {
		struct slice key;
		if (count == KEYS_MAX || !json_plain_string(json, &key) || !take(json, ':'))
			return false;
		/* Readers differ in which one of two counts. */
		for (size_t i = 0; i < count; i++) {
			if (keys[i].length == key.length && memcmp(keys[i].at, key.at, key.length) == 0)
				return false;
		}
		keys[count++] = key;
		if (!read(json, key, context))
			return false;
	} while (take(json, ','));
	return take(json, '}');
}

bool json_array(struct json *json, json_reader *read, void *context)
{
	if (!take(json, '['))
		return false;
	if (take(json, ']'))
		return true;
	do {
		if (!read(json, (struct slice){ json->at, 0 }, context))
			return false;
	} while (take(json, ','));
	return take(json, ']');
}

bool json_ends(struct json *json)
{
	skip_space(json);
	return json->at == json->end;
}
