/* The names in a folder, sorted bytewise: memory for one folder's names, whatever is in them. */
#ifndef LISTING_H
#define LISTING_H

#include <stdbool.h>
#include <stddef.h>

struct listing {
	char **names;
	size_t count;
	/* The names' text; it moves as it grows, so they are pointed to at the end. */
	char *text;
	size_t length;
	size_t size;
};

/* Reads the names of an open folder but `.` and `..`; false with errno. */
bool read_folder(int folder, struct listing *listing);

void free_listing(struct listing *listing);

#endif
