/* Fuzzes the plan's reader. */
#include "../plan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
	struct plan plan;
	char error[256];
	size_t sum = 0;
	char *text = malloc(length + 1);

	if (text == NULL)
		return 0;
	memcpy(text, bytes, length);
	text[length] = '\0';
	if (parse_plan(&plan, text, length, error, sizeof error)) {
		for (size_t i = 0; i < plan.count; i++) {
			const struct directive *directive = &plan.directives[i];
			/* Every text lies within the bytes and ends there. */
			sum += directive->text == NULL ? 0 : strlen(directive->text);
			sum += directive->text2 == NULL ? 0 : strlen(directive->text2);
			if (directive->number < 0)
				abort();
		}
		if (sum > length)
			abort();
		free_plan(&plan);
	}
	free(text);
	return 0;
}
