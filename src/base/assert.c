#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/trace.h"

static void (*reporter)(int fd);

void assert_set_reporter(void (*report)(int fd))
{
	reporter = report;
}

_Noreturn void assert_panic(const char *what, const char *file, int line, const char *func)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "hpcbald: panic: %s, at %s:%d in %s()\n", what, file,
			 line, func);

	if (n > 0 && write(STDERR_FILENO, text, (size_t)n) > 0) {
		if (reporter)
			reporter(STDERR_FILENO);
		trace_dump(STDERR_FILENO);
	}
	abort();
}
