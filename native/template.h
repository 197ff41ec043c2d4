/* The template that the collector obeys, read once and kept where no other container can reach it. */
#ifndef TEMPLATE_H
#define TEMPLATE_H

/*
 * A sealed memory file with the template; -1 where ARGO_TEMPLATE holds it itself, or there is none. Anything else that
 * keeps it from being read ends the program.
 */
int keep_template(void);

#endif
