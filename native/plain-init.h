/*
 * What comes before main where there is nothing to load and nothing to decide: program, template and plan, without Node. It
 * is tried first; whatever is in its way is left to Node, which does all of it anew and knows how to say what is wrong.
 */
#ifndef PLAIN_INIT_H
#define PLAIN_INIT_H

#include <stdbool.h>

/* `init`: true where the shared volume is as Node would leave it. */
bool init_plainly(int argc, char **argv);

/* The same before `supervisor`: plan, template, and the word that lets main begin, while Node starts. */
bool prepare_plainly(int argc, char **argv);

#endif
