noinst_LIBRARIES += src/supervisor/libsupervisor.a
src_supervisor_libsupervisor_a_SOURCES = \
	src/supervisor/adopt.c src/supervisor/adopt.h \
	src/supervisor/backoff.c src/supervisor/backoff.h \
	src/supervisor/background.c src/supervisor/background.h \
	src/supervisor/boards.c src/supervisor/boards.h \
	src/supervisor/child.c src/supervisor/child.h \
	src/supervisor/children.c src/supervisor/children.h \
	src/supervisor/commands.c src/supervisor/commands.h \
	src/supervisor/edition.c src/supervisor/edition.h \
	src/supervisor/elders.c src/supervisor/elders.h \
	src/supervisor/events.c src/supervisor/events.h \
	src/supervisor/filewatch.c src/supervisor/filewatch.h \
	src/supervisor/filter.h \
	src/supervisor/handover.c src/supervisor/handover.h \
	src/supervisor/heartbeat.c src/supervisor/heartbeat.h \
	src/supervisor/holder.c src/supervisor/holder.h \
	src/supervisor/limits.c src/supervisor/limits.h \
	src/supervisor/logdest.c src/supervisor/logdest.h \
	src/supervisor/mutter.c src/supervisor/mutter.h \
	src/supervisor/notify.c src/supervisor/notify.h \
	src/supervisor/realtime.c src/supervisor/realtime.h \
	src/supervisor/reload.c src/supervisor/reload.h \
	src/supervisor/report.c src/supervisor/report.h \
	src/supervisor/rights.c src/supervisor/rights.h \
	src/supervisor/runfiles.c src/supervisor/runfiles.h \
	src/supervisor/service.c src/supervisor/service.h \
	src/supervisor/service_kinds.c \
	src/supervisor/sockets.c src/supervisor/sockets.h \
	src/supervisor/state.h \
	src/supervisor/supervisor.c src/supervisor/supervisor.h \
	src/supervisor/trial.c src/supervisor/trial.h \
	src/supervisor/upgrade.c src/supervisor/upgrade.h

# A sanitizer needs more system calls than the filter allows.
if SANITIZED
src_supervisor_libsupervisor_a_SOURCES += src/supervisor/filter_none.c
else
src_supervisor_libsupervisor_a_SOURCES += src/supervisor/filter.c
endif
