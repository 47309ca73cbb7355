/* Asserts that are always on. must(): what has to be true here, or the program is wrong.
 * wrong(): a place that cannot be reached. Both print the place and the last trace lines
 * of this thread, then abort() so that there is a core to read. */
#ifndef HPCBAL_BASE_ASSERT_H
#define HPCBAL_BASE_ASSERT_H

_Noreturn void assert_panic(const char *what, const char *file, int line, const char *func);

#define must(cond)                                                                        \
	((__builtin_expect(!!(cond), 1)) ? (void)0                                        \
					 : assert_panic(#cond, __FILE__, __LINE__, __func__))
#define wrong(why) assert_panic(why, __FILE__, __LINE__, __func__)

/* Called by assert_panic() before the trace is printed; it may print what the thread was
 * doing. It must not allocate or lock. */
void assert_set_reporter(void (*report)(int fd));

#endif
