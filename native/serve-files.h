/* Serves the step's volumes to the collector that started us (README.md, "Serving outputs"). */
#ifndef SERVE_FILES_H
#define SERVE_FILES_H

/* `serve-files --root FOLDER --inputs FOLDER [--mount PATH]…`: serves descriptor 3; never returns. */
_Noreturn void run_serve_files(int argc, char **argv, int subcommand);

#endif
