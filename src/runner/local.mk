noinst_LIBRARIES += src/runner/librunner.a
src_runner_librunner_a_SOURCES = \
	src/runner/checks.c src/runner/checks.h \
	src/runner/notices.c src/runner/notices.h \
	src/runner/output.c src/runner/output.h \
	src/runner/programs.h \
	src/runner/queue.c src/runner/queue.h \
	src/runner/run.c src/runner/run.h \
	src/runner/runner.c src/runner/runner.h \
	src/runner/schedule.c src/runner/schedule.h \
	src/runner/scripts.c src/runner/scripts.h
