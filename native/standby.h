/* Sleeps until an event (README.md, "Phases"). */
#ifndef STANDBY_H
#define STANDBY_H

#include <stdbool.h>

/* SIGTERM and SIGINT, kept from the first moment of the program on: none is lost, whoever runs when it comes. */
struct signals {
	int fd; /* signalfd; SIGCHLD too */
	bool was_signalled;
	bool is_obeyed; /* what has to be done about it has begun; more of them change nothing */
};

/* Blocks them: first of all, for a signal that the first process of a container does not expect is dropped. */
void hold_signals(void);

/* Lets them through again, for a program that is about to be executed. */
void let_signals(void);

void open_signals(struct signals *signals);

/* Takes what has come. */
void take_signals(struct signals *signals);

/* Sleeps for what the request asks, which is cut to pieces; returns the event's name. */
const char *stand_by(char *request, struct signals *signals);

#endif
