/*
 * The Node-API face of block.h, to-file.h and stream.h: each call checks what it is given, runs on libuv's pool and then calls
 * back with (status, used bytes, made bytes, CRC-32). The memory handed over is referred to until then, so that the
 * collector neither frees nor moves it; whoever calls neither detaches nor resizes it meanwhile.
 */
#include <limits.h>
#include <node_api.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "block.h"
#include "stream.h"
#include "to-file.h"

enum work_kind { work_compress, work_inflate, work_to_file, work_stream };

/* A stream and whether a worker has it: two at once would tear its state. */
struct open_stream {
	struct stream *stream;
	bool is_busy;
};

struct work {
	enum work_kind kind;
	struct block block;
	struct to_file to_file;
	struct stream_step step;
	struct open_stream *opened;
	napi_async_work handle;
	napi_ref input;
	napi_ref output;
	napi_ref owner;
	napi_ref callback;
};

enum { result_count = 4 };

/* Marks the objects that hold a stream, so that no other object is taken for one. */
static const napi_type_tag stream_tag = {0x4f75747269646572, 0x6465666c61746531};

static napi_value fail(napi_env env, const char *message)
{
	bool is_pending = false;
	napi_is_exception_pending(env, &is_pending);
	if (!is_pending)
		napi_throw_type_error(env, NULL, message);
	return NULL;
}

/* What runs on the pool: nothing of JavaScript is touched. */
static void execute(napi_env env, void *data)
{
	(void)env;
	struct work *work = data;
	if (work->kind == work_compress)
		block_compress(&work->block);
	else if (work->kind == work_inflate)
		block_inflate(&work->block);
	else if (work->kind == work_to_file)
		to_file_inflate(&work->to_file);
	else
		stream_inflate(work->opened->stream, &work->step);
}

static void release(napi_env env, struct work *work)
{
	const napi_ref references[] = {work->input, work->output, work->owner, work->callback};
	for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
		if (references[i] != NULL)
			napi_delete_reference(env, references[i]);
	}
	if (work->handle != NULL)
		napi_delete_async_work(env, work->handle);
	free(work);
}

static void get_results(const struct work *work, double numbers[result_count])
{
	const struct block *block = &work->block;
	const struct stream_step *step = &work->step;
	switch (work->kind) {
	case work_compress:
	case work_inflate:
		memcpy(numbers, (double[]){block->status, (double)block->used_bytes, (double)block->made_bytes, block->crc},
		       sizeof(double[result_count]));
		break;
	case work_to_file:
		memcpy(numbers, (double[]){work->to_file.status, work->to_file.error, 0, 0}, sizeof(double[result_count]));
		break;
	case work_stream:
		memcpy(numbers, (double[]){step->status, (double)step->used_bytes, (double)step->made_bytes, step->crc},
		       sizeof(double[result_count]));
		break;
	}
}

static void complete(napi_env env, napi_status status, void *data)
{
	struct work *work = data;
	napi_value callback = NULL, receiver = NULL, results[result_count] = {NULL};
	if (work->opened != NULL)
		work->opened->is_busy = false;
	double numbers[result_count];
	get_results(work, numbers);
	bool is_ready = status == napi_ok && napi_get_reference_value(env, work->callback, &callback) == napi_ok &&
			napi_get_undefined(env, &receiver) == napi_ok;
	for (int i = 0; is_ready && i < result_count; i++)
		is_ready = napi_create_double(env, numbers[i], &results[i]) == napi_ok;
	release(env, work);
	/* Cancelled: the environment ends, and nobody waits any more. */
	if (is_ready)
		napi_call_function(env, receiver, callback, result_count, results, NULL);
}

/* The bytes of a Uint8Array; false where it is something else, detached memory included. */
static bool get_bytes(napi_env env, napi_value value, uint8_t **bytes, size_t *length)
{
	napi_typedarray_type type;
	napi_value buffer = NULL;
	size_t offset = 0;
	void *data = NULL;
	bool is_typed = false, is_detached = true;
	if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed)
		return false;
	if (napi_get_typedarray_info(env, value, &type, length, &data, &buffer, &offset) != napi_ok)
		return false;
	if (type != napi_uint8_array || napi_is_detached_arraybuffer(env, buffer, &is_detached) != napi_ok)
		return false;
	*bytes = data;
	/* The libraries count in 32 bits. */
	return !is_detached && *length <= INT_MAX && (data != NULL || *length == 0);
}

static bool is_function(napi_env env, napi_value value)
{
	napi_valuetype type;
	return napi_typeof(env, value, &type) == napi_ok && type == napi_function;
}

static bool get_int(napi_env env, napi_value value, int min, int max, int *number)
{
	int32_t got = 0;
	napi_valuetype type;
	if (napi_typeof(env, value, &type) != napi_ok || type != napi_number)
		return false;
	if (napi_get_value_int32(env, value, &got) != napi_ok || got < min || got > max)
		return false;
	*number = got;
	return true;
}

/* Refers to what the work needs and gives it to the pool. On failure the work is gone and an exception is pending. */
static napi_value queue(napi_env env, struct work *work, const napi_value values[3])
{
	napi_value name = NULL;
	if (napi_create_reference(env, values[0], 1, &work->input) == napi_ok &&
	    napi_create_reference(env, values[1], 1, &work->output) == napi_ok &&
	    napi_create_reference(env, values[2], 1, &work->callback) == napi_ok &&
	    napi_create_string_utf8(env, "outrider:deflate", NAPI_AUTO_LENGTH, &name) == napi_ok &&
	    napi_create_async_work(env, NULL, name, execute, complete, work, &work->handle) == napi_ok &&
	    napi_queue_async_work(env, work->handle) == napi_ok)
		return NULL;
	if (work->opened != NULL)
		work->opened->is_busy = false;
	release(env, work);
	return fail(env, "the work cannot be queued");
}

static napi_value queue_block(napi_env env, enum work_kind kind, const struct block *block, const napi_value values[3])
{
	struct work *work = calloc(1, sizeof *work);
	if (work == NULL)
		return fail(env, "out of memory");
	work->kind = kind;
	work->block = *block;
	return queue(env, work, values);
}

/* The level's number, and where it belongs: 1 to 12 are libdeflate's, 101 to 103 ISA-L's. */
static bool get_level(napi_env env, napi_value value, int *level)
{
	return get_int(env, value, 1, block_isal_max, level) && (*level <= block_level_max || *level > block_isal);
}

/* compress(input, output, level, isOpen, callback) */
static napi_value compress(napi_env env, napi_callback_info info)
{
	size_t count = 5;
	napi_value values[5];
	struct block block = {0};
	bool is_open = false;
	uint8_t *input = NULL;
	if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 5 ||
	    !get_bytes(env, values[0], &input, &block.input_bytes) ||
	    !get_bytes(env, values[1], &block.output, &block.output_bytes) ||
	    !get_level(env, values[2], &block.level) || napi_get_value_bool(env, values[3], &is_open) != napi_ok ||
	    !is_function(env, values[4]))
		return fail(env, "compress takes two Uint8Arrays, a level, whether the end stays open, and a callback");
	block.input = input;
	block.end = is_open ? block_end_open : block_end_final;
	return queue_block(env, work_compress, &block, (napi_value[]){values[0], values[1], values[4]});
}

/* inflate(input, output, callback) */
static napi_value inflate(napi_env env, napi_callback_info info)
{
	size_t count = 3;
	napi_value values[3];
	struct block block = {0};
	uint8_t *input = NULL;
	if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 3 ||
	    !get_bytes(env, values[0], &input, &block.input_bytes) ||
	    !get_bytes(env, values[1], &block.output, &block.output_bytes) || !is_function(env, values[2]))
		return fail(env, "inflate takes two Uint8Arrays and a callback");
	block.input = input;
	return queue_block(env, work_inflate, &block, values);
}

/* A whole number that a double holds exactly. */
static bool get_whole(napi_env env, napi_value value, int64_t max, int64_t *number)
{
	double got = 0;
	napi_valuetype type;
	if (napi_typeof(env, value, &type) != napi_ok || type != napi_number ||
	    napi_get_value_double(env, value, &got) != napi_ok || !(got >= 0 && got <= (double)max))
		return false;
	*number = (int64_t)got;
	return (double)*number == got;
}

/* inflateToFile(input, size of the content, its CRC-32, fd, position, callback): calls back with a status and an errno */
static napi_value inflate_to_file(napi_env env, napi_callback_info info)
{
	size_t count = 6;
	napi_value values[6];
	int64_t content_bytes = 0, crc = 0, fd = 0, position = 0;
	uint8_t *input = NULL;
	size_t input_bytes = 0;
	if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 6 ||
	    !get_bytes(env, values[0], &input, &input_bytes) || !get_whole(env, values[1], INT_MAX, &content_bytes) ||
	    !get_whole(env, values[2], UINT32_MAX, &crc) || !get_whole(env, values[3], INT_MAX, &fd) ||
	    !get_whole(env, values[4], INT64_C(1) << 53, &position) || !is_function(env, values[5]))
		return fail(env, "inflateToFile takes a Uint8Array, four numbers and a callback");
	struct work *work = calloc(1, sizeof *work);
	if (work == NULL)
		return fail(env, "out of memory");
	work->kind = work_to_file;
	work->to_file = (struct to_file){
		.input = input,
		.input_bytes = input_bytes,
		.content_bytes = (size_t)content_bytes,
		.crc = (uint32_t)crc,
		.fd = (int)fd,
		.position = (off_t)position,
	};
	/* There is no output in memory; the input stands in for it. */
	return queue(env, work, (napi_value[]){values[0], values[0], values[5]});
}

/* crc32(bytes, value): of the bytes before and these; done at once, for it takes as long as a call to the pool. */
static napi_value crc32(napi_env env, napi_callback_info info)
{
	size_t count = 2, length = 0;
	napi_value values[2], result = NULL;
	napi_valuetype type;
	uint8_t *bytes = NULL;
	uint32_t value = 0;
	if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 2 ||
	    !get_bytes(env, values[0], &bytes, &length) || napi_typeof(env, values[1], &type) != napi_ok ||
	    type != napi_number || napi_get_value_uint32(env, values[1], &value) != napi_ok)
		return fail(env, "crc32 takes a Uint8Array and a number");
	if (napi_create_uint32(env, block_crc32(value, bytes, length), &result) != napi_ok)
		return fail(env, "out of memory");
	return result;
}

static void close_stream(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	struct open_stream *opened = data;
	stream_close(opened->stream);
	free(opened);
}

/* openStream(): an object for inflateStream; its memory goes with it. */
static napi_value open_stream(napi_env env, napi_callback_info info)
{
	(void)info;
	napi_value object = NULL;
	struct open_stream *opened = calloc(1, sizeof *opened);
	if (opened == NULL)
		return fail(env, "out of memory");
	opened->stream = stream_open();
	if (opened->stream == NULL || napi_create_object(env, &object) != napi_ok ||
	    napi_type_tag_object(env, object, &stream_tag) != napi_ok ||
	    napi_wrap(env, object, opened, close_stream, NULL, NULL) != napi_ok) {
		stream_close(opened->stream);
		free(opened);
		return fail(env, "out of memory");
	}
	return object;
}

static struct open_stream *get_stream(napi_env env, napi_value value)
{
	bool is_stream = false;
	void *opened = NULL;
	napi_valuetype type;
	if (napi_typeof(env, value, &type) != napi_ok || type != napi_object ||
	    napi_check_object_type_tag(env, value, &stream_tag, &is_stream) != napi_ok || !is_stream ||
	    napi_unwrap(env, value, &opened) != napi_ok)
		return NULL;
	return opened;
}

/* inflateStream(stream, input, output, callback) */
static napi_value inflate_stream(napi_env env, napi_callback_info info)
{
	size_t count = 4;
	napi_value values[4];
	struct stream_step step = {0};
	uint8_t *input = NULL;
	if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 4)
		return fail(env, "inflateStream takes a stream, two Uint8Arrays and a callback");
	struct open_stream *opened = get_stream(env, values[0]);
	if (opened == NULL || !get_bytes(env, values[1], &input, &step.input_bytes) ||
	    !get_bytes(env, values[2], &step.output, &step.output_bytes) || !is_function(env, values[3]))
		return fail(env, "inflateStream takes a stream, two Uint8Arrays and a callback");
	if (opened->is_busy)
		return fail(env, "the stream is in use");
	struct work *work = calloc(1, sizeof *work);
	if (work == NULL)
		return fail(env, "out of memory");
	step.input = input;
	work->kind = work_stream;
	work->step = step;
	if (napi_create_reference(env, values[0], 1, &work->owner) != napi_ok) {
		free(work);
		return fail(env, "out of memory");
	}
	work->opened = opened;
	opened->is_busy = true;
	return queue(env, work, values + 1);
}

NAPI_MODULE_INIT()
{
	const napi_property_descriptor functions[] = {
		{"compress", NULL, compress, NULL, NULL, NULL, napi_enumerable, NULL},
		{"inflate", NULL, inflate, NULL, NULL, NULL, napi_enumerable, NULL},
		{"inflateToFile", NULL, inflate_to_file, NULL, NULL, NULL, napi_enumerable, NULL},
		{"openStream", NULL, open_stream, NULL, NULL, NULL, napi_enumerable, NULL},
		{"crc32", NULL, crc32, NULL, NULL, NULL, napi_enumerable, NULL},
		{"inflateStream", NULL, inflate_stream, NULL, NULL, NULL, napi_enumerable, NULL},
	};
	if (napi_define_properties(env, exports, sizeof functions / sizeof functions[0], functions) != napi_ok)
		return fail(env, "the functions cannot be defined");
	return exports;
}
