/* The programs that a configuration names, looked at once, while it is loaded. */
#ifndef HPCBAL_LOADER_PROGRAM_H
#define HPCBAL_LOADER_PROGRAM_H

#define PROGRAM_WHY 1536

enum program_verdict { PROGRAM_GOOD, PROGRAM_DOUBTFUL, PROGRAM_BAD };

/* `path` is full and NUL-terminated. BAD: nobody can run it. DOUBTFUL: the runner's user may
 * not, or somebody who is not root may change what is run. `why` says it, and what to do. */
enum program_verdict program_judge(const char *path, char why[PROGRAM_WHY]);

#endif
