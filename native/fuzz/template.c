/* Fuzzes the reader of templates that init takes for plain; what it makes of them has to be a plan. */
#include "../plain-template.h"
#include "../plan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t length)
{
	struct plan plan;
	char error[256];
	/* To the byte: a reader that goes beyond is found. */
	char *text = malloc(length == 0 ? 1 : length);

	if (text == NULL)
		return 0;
	memcpy(text, bytes, length);
	struct plan_context context = { .includes_result = length % 2 == 0, .is_initless = length % 3 == 0 };
	char *made = plan_plain_template(text, length, context);
	free(text);
	if (made == NULL)
		return 0;
	if (!parse_plan(&plan, made, strlen(made), error, sizeof error))
		abort();
	free(plan.directives);
	free(made);
	return 0;
}
