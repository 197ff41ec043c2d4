/* What the program says: log lines, errors, the termination message. */
#ifndef REPORT_H
#define REPORT_H

#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log {
	enum log_level level;
	bool json;
};

/* Statuses with a meaning to the controller (docs/contract/pod.md#1.2). */
enum { EXIT_CRASH = 2, EXIT_OURS = 64, EXIT_NOT_READY = 65, EXIT_SIGNAL = 128 };

/* Room for a message with a path or two in it; the kubelet keeps the last 4096 bytes. */
enum { MESSAGE_SIZE = 8192 };

/* One line on standard error: fixed message, one field. Text lines carry `argo=true` (docs/contract/pod.md#1.4). */
void log_line(const struct log *log, enum log_level level, const char *message, const char *key,
	      const char *format, ...) __attribute__((format(printf, 5, 6)));

/* `Error: TEXT` on standard error. */
void print_error(const char *text);

/* Replaces the termination message (docs/contract/pod.md#1.3); a failure is only a warning on standard error. */
void write_termination_message(const char *text);

/*
 * For commands that run beside the container's own program: the message is its, not theirs
 * (docs/contract/pod.md#defect-43).
 */
void forgo_termination_message(void);

/* Prints the error, leaves it as termination message and exits. */
_Noreturn void die(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes everything, however often the kernel interrupts; false with errno. */
bool write_all(int fd, const void *bytes, unsigned long length);

#endif
