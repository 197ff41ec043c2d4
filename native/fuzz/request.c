/* Fuzzes the parser of request lines on the outputs socket. */
#include "../request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
	struct request request;
	char *line = malloc(length + 1);
	char *path = malloc(length + 1);

	if (line != NULL && path != NULL) {
		memcpy(line, bytes, length);
		line[length] = '\0';
		if (parse_request(line, &request)) {
			if (request.path != NULL && (*request.path == '\0' || strlen(request.path) > length))
				abort();
			if (request.offset < 0 || request.length < 0)
				abort();
		}
		/* Paths of a plan are cleaned lexically. */
		memcpy(path, bytes, length);
		path[length] = '\0';
		if (length > 0)
			clean_path(path);
		if (strlen(path) > length)
			abort();
	}
	free(line);
	free(path);
	return 0;
}
