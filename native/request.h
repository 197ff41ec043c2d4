/* Requests on the outputs socket: reading and answering them. */
#ifndef REQUEST_H
#define REQUEST_H

#include "plan.h"
#include "stream.h"
#include "view.h"

enum request_kind { REQUEST_STAT, REQUEST_READ, REQUEST_TAR, REQUEST_TREE, REQUEST_RELEASE };

struct request {
	enum request_kind kind;
	const char *path; /* all but RELEASE */
	int64_t offset;	  /* READ */
	int64_t length;	  /* READ; TREE: of the largest file whose content is sent along */
};

/* Reads one line without its newline, which is overwritten; false where it is no request. */
bool parse_request(char *line, struct request *request);

/* What is served, and to whom it matters when it is no longer wanted. */
struct server {
	const struct plan *plan; /* its outputs may be asked for, and what is below them; NULL: everything */
	const struct view *view;
	int release; /* gets a byte when the collector is done; -1 */
};

/* Answers requests until the client hangs up. */
void serve_connection(const struct server *server, int connection);

/* Answers one request for bytes or status. */
void answer_request(const struct server *server, struct stream *stream, const struct request *request);

#endif
