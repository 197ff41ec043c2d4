/* Fuzzes the reader of ARGO_CONTAINER_ARGS_FILE. */
#include "../args.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
	char error[256];
	size_t count = 0;
	size_t sum = 0;
	char *text = malloc(length + 1);

	if (text == NULL)
		return 0;
	memcpy(text, bytes, length);
	text[length] = '\0';
	char **elements = parse_string_array(text, length, &count, error, sizeof error);
	if (elements != NULL) {
		for (size_t i = 0; i < count; i++)
			sum += strlen(elements[i]);
		/* Decoded in place: never longer than what was read. */
		if (sum > length || elements[count] != NULL)
			abort();
		free(elements);
	}
	free(text);
	return 0;
}
