/* User and group names of this container, without libc's name services, which a static program cannot use. */
#ifndef NAMES_H
#define NAMES_H

enum { NAME_SIZE = 64 };

/* The name of an id in /etc/passwd or /etc/group; empty where there is none. Remembers the last id. */
struct names {
	const char *file;
	long long id; /* -1: none yet */
	char name[NAME_SIZE];
};

const char *find_name(struct names *names, long long id);

#endif
