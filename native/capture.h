/* Copies the command's streams to our own and to files, at constant memory (docs/contract/pod.md#5.4.1). */
#ifndef CAPTURE_H
#define CAPTURE_H

#include "capture-file.h"
#include "child.h"

enum { CHUNK_SIZE = 65536, TO_MAX = 2 };

/* One stream on its way: from a pipe or terminal to a stream of ours. */
struct channel {
	int from;	/* -1: closed, or never opened */
	int to;		/* our own stream; -1 once nobody reads it any more */
	size_t room;	/* what `to` takes without blocking when it is empty (a pipe), or always (a file) */
	bool is_pipe;
	size_t length;	/* what was read and is still to be written to `to`: chunk[offset .. offset + length] */
	size_t offset;
	struct capture_file *files[TO_MAX];
	char chunk[CHUNK_SIZE];
};

struct capture {
	struct capture_file out;      /* ctr/<name>/stdout */
	struct capture_file combined; /* ctr/<name>/combined, in segments where it has a limit */
	struct channel channels[2];   /* standard output (or the terminal), standard error */
	struct channel input;	      /* our terminal to the command's */
	bool is_terminal;
	bool is_held; /* the command's output is not read now */
};

/* Opens the files that the plan asks for; false with errno and the name of the file in `failed`. */
bool open_capture(struct capture *capture, struct emissary *e, const char **failed);

/* Closes the files. */
void close_capture(struct capture *capture);

/* Makes the streams for one start of the command; false with errno. */
bool open_streams(struct capture *capture, struct emissary *e, struct streams *streams);

/* Closes the command's ends in this process. */
void close_streams(struct streams *streams);

/*
 * Until when (monotonic, ms) the command's output is not read, because the collector has yet to take some of it away; -1:
 * it is read. Asked anew after each sleep.
 */
int64_t held_until(struct capture *capture, const struct emissary *e);

/* Fills in what poll should look at; returns the number of descriptors, at most 4. */
nfds_t capture_polls(struct capture *capture, struct pollfd *fds);

/* Copies what is there, without ever blocking. */
void copy_ready(struct capture *capture, const struct log *log);

/* Whether the command can still write to us. */
bool is_capturing(const struct capture *capture);

/* Copies what the pipes hold and closes them; descendants that still write get SIGPIPE. */
void finish_streams(struct capture *capture, const struct log *log);

#endif
