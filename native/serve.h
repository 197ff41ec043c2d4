/* Serves output files on a unix socket after the command has ended (README.md, "Serving outputs"). */
#ifndef SERVE_H
#define SERVE_H

#include "emissary.h"

/* Serves what the plan lists until the collector is done, dead, or the pod's time is over. */
void serve_outputs(struct emissary *e);

#endif
