/*
 * Tar headers: USTAR, and PAX records for just the fields that do not fit (docs/contract/artifacts.md#6.1, POSIX pax).
 */
#ifndef HEADER_H
#define HEADER_H

#include "stream.h"

#include <sys/types.h>

enum { TAR_BLOCK = 512 };

struct entry {
	const char *name;
	const char *link; /* of a symbolic link, else "" */
	char type;	  /* '0' file, '2' link, '3' '4' device, '5' directory, '6' fifo */
	unsigned mode;
	int64_t uid;
	int64_t gid;
	int64_t size;
	int64_t mtime; /* seconds */
	unsigned device_major;
	unsigned device_minor;
	const char *user;
	const char *group;
};

/* Sends the header of one entry, with an extended one before it where it is needed. */
void send_header_blocks(struct stream *stream, const struct entry *entry);

#endif
