#include "names.h"
#include "text.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* `name:password:id:…`; true where the line is about this id. */
static bool read_entry(char *line, long long id, char name[static NAME_SIZE])
{
	char *password = strchr(line, ':');
	char *number = password == NULL ? NULL : strchr(password + 1, ':');
	char *end = number == NULL ? NULL : strpbrk(number + 1, ":\n");
	int64_t value;

	if (end == NULL)
		return false;
	*password = *end = '\0';
	/* A name that is too long is as good as unknown. */
	if (!parse_number(number + 1, INT64_MAX, &value) || value != id || strlen(line) >= NAME_SIZE)
		return false;
	strcpy(name, line);
	return true;
}

const char *find_name(struct names *names, long long id)
{
	char line[1024];

	if (names->id == id)
		return names->name;
	names->id = id;
	names->name[0] = '\0';
	FILE *file = fopen(names->file, "re");
	if (file == NULL)
		return names->name;
	while (fgets(line, sizeof line, file) != NULL) {
		if (read_entry(line, id, names->name))
			break;
	}
	fclose(file);
	return names->name;
}
