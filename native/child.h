/* The user's command as a process. */
#ifndef CHILD_H
#define CHILD_H

#include "emissary.h"

/*
 * Finds the command in PATH as Go's exec.LookPath does (docs/contract/pod.md#5.4 step 9); false with the text of the
 * error in `error`.
 */
bool find_program(const char *name, char program[static PATH_SIZE], char *error, size_t error_size);

/* Where the command's streams go; -1 leaves the emissary's own. */
struct streams {
	int out;
	int err;
	int tty; /* the slave side of a terminal; then all three streams are this one */
};

/* Starts the command in its own process group with default signals; 0 or the errno of the exec. */
int start_child(struct emissary *e, const struct streams *streams);

/* Sends a signal to the command's process group, if it runs. */
void signal_child(const struct emissary *e, int signal);

/* The shell's exit status for a status of waitpid: the code, or 128 + signal. */
int exit_status(int wait_status);

/* Opens a terminal for the command; the slave side goes into `slave`. Returns the master side or -1. */
int open_terminal(int *slave);

/* Gives the window size of our own terminal to the command's. */
void copy_window_size(int tty);

#endif
