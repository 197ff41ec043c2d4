/* Everything that this program does not do itself is Node's. */
#ifndef DISPATCH_H
#define DISPATCH_H

/* Replaces the program by Node with the bundle; the arguments stay as they are. Returns never. */
_Noreturn void run_node(int argc, char **argv, const char *subcommand);

#endif
