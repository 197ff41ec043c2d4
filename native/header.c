#include "header.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

struct ustar {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char link[100];
	char magic[8];
	char user[32];
	char group[32];
	char device_major[8];
	char device_minor[8];
	char prefix[155];
	char padding[12];
};

_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a tar header is one block");

enum { ID_MAX = 07777777, NUMBER_DIGITS = 11, RECORDS_MAX = 8 };

static const int64_t number_max = 077777777777;

/* One field that does not fit: the name has no limit in a deep tree, so values are pointed to. */
struct record {
	const char *key;
	const char *text; /* or NULL: the number */
	char number[24];
};

struct records {
	struct record list[RECORDS_MAX];
	size_t count;
};

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text >= 0x80)
			return false;
	}
	return true;
}

static void add_record(struct records *records, const char *key, const char *text)
{
	records->list[records->count++] = (struct record){ .key = key, .text = text };
}

static void add_number(struct records *records, const char *key, int64_t value)
{
	struct record *record = &records->list[records->count++];
	*record = (struct record){ .key = key };
	snprintf(record->number, sizeof record->number, "%lld", (long long)value);
}

static const char *record_text(const struct record *record)
{
	return record->text != NULL ? record->text : record->number;
}

/* `LENGTH KEY=VALUE\n`, where LENGTH counts itself. */
static size_t record_length(const struct record *record)
{
	size_t rest = strlen(record->key) + strlen(record_text(record)) + 3;
	size_t length = rest + 1;
	size_t digits = 1;

	for (size_t power = 10; length >= power; power *= 10)
		length = rest + ++digits;
	return length;
}

static void send_record(struct stream *stream, const struct record *record)
{
	char start[64];
	int length = snprintf(start, sizeof start, "%zu %s=", record_length(record), record->key);
	send_data(stream, start, (size_t)length);
	send_data(stream, record_text(record), strlen(record_text(record)));
	send_data(stream, "\n", 1);
}

static void put_octal(char *field, int digits, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof text, "%0*llo", digits, (unsigned long long)value);
	memcpy(field, text, (size_t)digits + 1);
}

/* As much as fits, without the bytes that are not ASCII; the rest is in a record. */
static void put_text(char *field, size_t size, const char *text)
{
	size_t length = 0;
	for (; *text != '\0' && length < size; text++) {
		if ((unsigned char)*text < 0x80)
			field[length++] = *text;
	}
}

static void put_number(char *field, struct records *records, const char *key, int64_t value, int64_t max, int digits)
{
	bool fits = value >= 0 && value <= max;
	if (!fits)
		add_number(records, key, value);
	put_octal(field, digits, fits ? (uint64_t)value : 0);
}

static void put_name_field(char *field, size_t size, struct records *records, const char *key, const char *text)
{
	if (strlen(text) > size || !is_ascii(text))
		add_record(records, key, text);
	put_text(field, size, text);
}

/* The name, split at a slash where it is too long for its field. */
static void put_name(struct ustar *block, struct records *records, const char *name)
{
	size_t length = strlen(name);
	const char *slash = NULL;

	if (length > sizeof block->name && is_ascii(name)) {
		/* The first slash that leaves a short enough name leaves the longest one. */
		slash = strchr(name + (length - sizeof block->name - 1), '/');
		if (slash != NULL && (slash == name || slash[1] == '\0' || (size_t)(slash - name) > sizeof block->prefix))
			slash = NULL;
	}
	if (slash == NULL) {
		put_name_field(block->name, sizeof block->name, records, "path", name);
		return;
	}
	memcpy(block->prefix, name, (size_t)(slash - name));
	put_text(block->name, sizeof block->name, slash + 1);
}

static void send_block(struct stream *stream, struct ustar *block)
{
	unsigned sum = 0;

	memcpy(block->magic, "ustar\00000", sizeof block->magic);
	memset(block->checksum, ' ', sizeof block->checksum);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += ((const unsigned char *)block)[i];
	put_octal(block->checksum, 6, sum);
	block->checksum[7] = ' ';
	send_data(stream, block, TAR_BLOCK);
}

/* The extended header's own entry: `<dir>/PaxHeaders.0/<base>`. */
static void send_records(struct stream *stream, const char *name, const struct records *records)
{
	struct ustar block = { .type = 'x' };
	const char *base = base_name(name);
	char path[2 * TAR_BLOCK];
	size_t length = 0;

	for (size_t i = 0; i < records->count; i++)
		length += record_length(&records->list[i]);
	/* Only a hundred bytes of it have room, so that a longer one may be cut before. */
	snprintf(path, sizeof path, "%.*sPaxHeaders.0/%s", (int)(base - name), name, base);
	put_text(block.name, sizeof block.name, path);
	put_octal(block.mode, 7, 0);
	put_octal(block.uid, 7, 0);
	put_octal(block.gid, 7, 0);
	put_octal(block.size, NUMBER_DIGITS, length);
	put_octal(block.mtime, NUMBER_DIGITS, 0);
	send_block(stream, &block);
	for (size_t i = 0; i < records->count; i++)
		send_record(stream, &records->list[i]);
	send_zeros(stream, (TAR_BLOCK - length % TAR_BLOCK) % TAR_BLOCK);
}

void send_header_blocks(struct stream *stream, const struct entry *entry)
{
	struct ustar block = { .type = entry->type };
	struct records records;

	records.count = 0;
	put_name(&block, &records, entry->name);
	put_name_field(block.link, sizeof block.link, &records, "linkpath", entry->link);
	put_octal(block.mode, 7, entry->mode);
	put_number(block.uid, &records, "uid", entry->uid, ID_MAX, 7);
	put_number(block.gid, &records, "gid", entry->gid, ID_MAX, 7);
	put_number(block.size, &records, "size", entry->size, number_max, NUMBER_DIGITS);
	put_number(block.mtime, &records, "mtime", entry->mtime, number_max, NUMBER_DIGITS);
	put_name_field(block.user, sizeof block.user - 1, &records, "uname", entry->user);
	put_name_field(block.group, sizeof block.group - 1, &records, "gname", entry->group);
	put_octal(block.device_major, 7, entry->device_major);
	put_octal(block.device_minor, 7, entry->device_minor);
	if (records.count > 0)
		send_records(stream, entry->name, &records);
	send_block(stream, &block);
}
