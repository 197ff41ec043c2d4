/* Requests on the outputs socket: reading and answering them. */
#ifndef REQUEST_H
#define REQUEST_H

#include "plan.h"

enum request_kind { REQUEST_STAT, REQUEST_READ, REQUEST_TAR, REQUEST_RELEASE };

struct request {
	enum request_kind kind;
	const char *path; /* all but RELEASE */
	int64_t offset;	  /* READ */
	int64_t length;	  /* READ */
};

/* Reads one line without its newline, which is overwritten; false where it is no request. */
bool parse_request(char *line, struct request *request);

/* Answers requests until the client hangs up. `release` gets a byte when the collector is done. */
void serve_connection(const struct plan *plan, int connection, int release);

#endif
