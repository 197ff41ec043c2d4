/* Serves output files on a unix socket after the command has ended (README.md, "Serving outputs"). */
#ifndef SERVE_H
#define SERVE_H

#include "emissary.h"

/*
 * Listens for the collector that the plan names, if there is one. Comes before the exit code is published, so that
 * whoever sees the code finds either the socket or nothing to ask for. Where no socket can be had, outputs are left as
 * files (README.md, "Without sockets").
 */
void open_outputs(struct emissary *e);

/* Says at once where the volume has no sockets, if there will be something to serve. */
void probe_outputs(struct emissary *e);

/* Serves until the collector is done or dead, or the pod's time is over. */
void serve_outputs(struct emissary *e);

#endif
