#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { NAMES_FIRST_SIZE = 1024 };

static bool add_name(struct listing *listing, const char *name)
{
	size_t length = strlen(name) + 1;

	if (listing->length + length > listing->size) {
		size_t size = listing->size == 0 ? NAMES_FIRST_SIZE : listing->size * 2;
		char *larger = realloc(listing->text, size);
		if (larger == NULL)
			return false;
		listing->text = larger;
		listing->size = size;
	}
	memcpy(listing->text + listing->length, name, length);
	listing->length += length;
	listing->count++;
	return true;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool sort_names(struct listing *listing)
{
	char *at = listing->text;

	listing->names = calloc(listing->count + 1, sizeof *listing->names);
	if (listing->names == NULL)
		return false;
	for (size_t i = 0; i < listing->count; i++) {
		listing->names[i] = at;
		at += strlen(at) + 1;
	}
	qsort(listing->names, listing->count, sizeof *listing->names, compare_names);
	return true;
}

void free_listing(struct listing *listing)
{
	free(listing->text);
	free(listing->names);
}

bool read_folder(int folder, struct listing *listing)
{
	struct dirent *entry;
	bool is_done = true;
	int copy = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	DIR *entries = copy < 0 ? NULL : fdopendir(copy);

	*listing = (struct listing){ .count = 0 };
	if (entries == NULL) {
		if (copy >= 0)
			close(copy);
		return false;
	}
	while (is_done && (errno = 0, entry = readdir(entries)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			is_done = add_name(listing, entry->d_name);
	}
	int error = errno;
	closedir(entries);
	if (!is_done || error != 0 || !sort_names(listing)) {
		free_listing(listing);
		errno = error != 0 ? error : ENOMEM;
		return false;
	}
	return true;
}
