/* Sleeps until an event, then becomes another program (README.md, "Standby"). */
#ifndef STANDBY_H
#define STANDBY_H

_Noreturn void run_standby(int argc, char **argv, int subcommand);

#endif
