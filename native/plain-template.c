#include "plain-template.h"
#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUTPUTS_MAX = 64, OUTPUT_SIZE_MAX = 1024 };

/* The end of standard output that a result can need (src/podfiles/plan.ts, resultBytesMax), and one byte more. */
static const char capture_result[] = "capture stdout 262145\n";

struct outputs {
	struct slice list[OUTPUTS_MAX];
	size_t count;
};

struct plain {
	struct outputs parameters;
	struct outputs artifacts;
	bool has_container;
	bool has_mounts;
	bool archives_logs;
};

/* What is the controller's alone (docs/contract/pod.md#7.1). */
static bool is_of_the_controller(struct slice key)
{
	static const char *const keys[] = {
		"name",		    "metadata",	     "nodeSelector",	"affinity",	 "tolerations",
		"timeout",	    "activeDeadlineSeconds", "retryStrategy", "podSpecPatch", "serviceAccountName",
		"executor",	    "securityContext", "hostAliases",	"schedulerName", "priorityClassName",
		"parallelism",	    "failFast",	     "priority",	"memoize",	 "synchronization",
		"metrics",	    "annotations",   "volumes",		"automountServiceAccountToken",
	};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		if (slice_is(key, keys[i]))
			return true;
	}
	return false;
}

/* Absolute and clean, of characters that stand in a plan as they are. */
static bool is_plain_path(struct slice path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/";

	if (path.length < 2 || path.length > OUTPUT_SIZE_MAX || path.at[0] != '/' || path.at[path.length - 1] == '/')
		return false;
	for (size_t i = 0; i < path.length; i++) {
		char next = i + 1 < path.length ? path.at[i + 1] : '\0';
		if (path.at[i] == '\0' || strchr(plain, path.at[i]) == NULL)
			return false;
		/* No "//"; and no name that begins with a dot, of which "." and ".." are two. */
		if (path.at[i] == '/' && (next == '/' || next == '.'))
			return false;
	}
	return true;
}

static bool read_path(struct json *json, struct outputs *outputs)
{
	struct slice path;

	if (outputs->count == OUTPUTS_MAX || !json_plain_string(json, &path) || !is_plain_path(path))
		return false;
	outputs->list[outputs->count++] = path;
	return true;
}

static bool read_value_from(struct json *json, struct slice key, void *context)
{
	if (slice_is(key, "path"))
		return read_path(json, context);
	return slice_is(key, "default") && json_skip(json);
}

static bool read_parameter_member(struct json *json, struct slice key, void *context)
{
	return slice_is(key, "valueFrom") ? json_object(json, read_value_from, context) : json_skip(json);
}

static bool read_parameter(struct json *json, struct slice key, void *context)
{
	(void)key;
	return json_object(json, read_parameter_member, context);
}

static bool read_artifact_member(struct json *json, struct slice key, void *context)
{
	return slice_is(key, "path") ? read_path(json, context) : json_skip(json);
}

static bool read_artifact(struct json *json, struct slice key, void *context)
{
	struct outputs *artifacts = context;
	size_t before = artifacts->count;

	(void)key;
	return json_object(json, read_artifact_member, artifacts) && artifacts->count == before + 1;
}

static bool read_outputs_member(struct json *json, struct slice key, void *context)
{
	struct plain *plain = context;

	if (slice_is(key, "parameters"))
		return json_array(json, read_parameter, &plain->parameters);
	return slice_is(key, "artifacts") && json_array(json, read_artifact, &plain->artifacts);
}

static bool read_inputs_member(struct json *json, struct slice key, void *context)
{
	(void)context;
	return slice_is(key, "parameters") && json_skip(json);
}

static bool read_container_member(struct json *json, struct slice key, void *context)
{
	struct plain *plain = context;

	plain->has_mounts |= slice_is(key, "volumeMounts");
	return json_skip(json);
}

static bool read_location_member(struct json *json, struct slice key, void *context)
{
	struct plain *plain = context;

	return slice_is(key, "archiveLogs") ? json_boolean(json, &plain->archives_logs) : json_skip(json);
}

static bool read_member(struct json *json, struct slice key, void *context)
{
	struct plain *plain = context;

	if (slice_is(key, "inputs"))
		return json_object(json, read_inputs_member, plain);
	if (slice_is(key, "outputs"))
		return json_object(json, read_outputs_member, plain);
	if (slice_is(key, "archiveLocation"))
		return json_object(json, read_location_member, plain);
	if (!slice_is(key, "container"))
		return is_of_the_controller(key) && json_skip(json);
	plain->has_container = true;
	return json_object(json, read_container_member, plain);
}

static bool read_plain(struct plain *plain, const char *text, size_t length)
{
	static const char storage[] = "ephemeral-storage";
	struct json json = { text, text + length };

	/* A limit of it bounds the log that is kept. */
	if (memmem(text, length, storage, strlen(storage)) != NULL)
		return false;
	if (!json_object(&json, read_member, plain) || !json_ends(&json) || !plain->has_container)
		return false;
	return true;
}

/* A path on a volume is not main's alone; and where main places inputs itself, it has to know all volumes. */
static bool minds_mounts(const struct plain *plain, struct plan_context context)
{
	return context.is_initless || plain->parameters.count + plain->artifacts.count > 0;
}

static bool has_output(const struct outputs *outputs, size_t count, struct slice path)
{
	for (size_t i = 0; i < count; i++) {
		if (outputs->list[i].length == path.length && memcmp(outputs->list[i].at, path.at, path.length) == 0)
			return true;
	}
	return false;
}

static void print_output(FILE *plan, struct slice path)
{
	fprintf(plan, "output %.*s\n", (int)path.length, path.at);
}

static void print_plan(FILE *plan, const struct plain *plain, struct plan_context context)
{
	const struct outputs *parameters = &plain->parameters;
	const struct outputs *artifacts = &plain->artifacts;

	fprintf(plan, "plan 1\n%s%scollector %s\n", context.includes_result ? capture_result : "",
		plain->archives_logs ? "capture combined 0\n" : "", context.is_initless ? "supervisor" : "wait");
	for (size_t i = 0; i < parameters->count; i++) {
		if (!has_output(parameters, i, parameters->list[i]))
			print_output(plan, parameters->list[i]);
	}
	for (size_t i = 0; i < artifacts->count; i++) {
		if (!has_output(parameters, parameters->count, artifacts->list[i]) &&
		    !has_output(artifacts, i, artifacts->list[i]))
			print_output(plan, artifacts->list[i]);
	}
}

char *plan_plain_template(const char *json, size_t length, struct plan_context context)
{
	struct plain plain = { .has_container = false };
	char *text = NULL;
	size_t size;

	if (!read_plain(&plain, json, length) || (plain.has_mounts && minds_mounts(&plain, context)))
		return NULL;
	FILE *plan = open_memstream(&text, &size);
	if (plan == NULL)
		return NULL;
	print_plan(plan, &plain, context);
	bool is_whole = ferror(plan) == 0;
	if (fclose(plan) != 0 || !is_whole) {
		free(text);
		return NULL;
	}
	return text;
}
