/* Everything that this program does not do itself is Node's. */
#ifndef DISPATCH_H
#define DISPATCH_H

/*
 * Runs Node with the bundle, in our place or, where a container consists of it, as our child; the arguments stay as they
 * are. Never returns.
 */
_Noreturn void run_node(int argc, char **argv, const char *subcommand);

#endif
