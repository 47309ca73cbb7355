noinst_LIBRARIES += src/admin/libadmin.a
src_admin_libadmin_a_SOURCES = \
	src/admin/client.c src/admin/client.h \
	src/admin/demote.c src/admin/demote.h \
	src/admin/follow.c src/admin/follow.h \
	src/admin/health.c \
	src/admin/json.c \
	src/admin/json_events.c \
	src/admin/json_limits.c \
	src/admin/json_notes.c src/admin/json_notes.h \
	src/admin/json_vrrp.c src/admin/json_vrrp.h \
	src/admin/jvalue.c src/admin/jvalue.h \
	src/admin/metrics.c \
	src/admin/operate.c src/admin/operate.h \
	src/admin/print.c \
	src/admin/print_limits.c \
	src/admin/print_vrrp.c src/admin/print_vrrp.h \
	src/admin/sessions.c src/admin/sessions.h \
	src/admin/snapshot.c src/admin/snapshot.h \
	src/admin/snapshot_data.h \
	src/admin/snapshot_find.c \
	src/admin/snapshot_limits.c \
	src/admin/snapshot_vrrp.c \
	src/admin/table.c src/admin/table.h \
	src/admin/text.c src/admin/text.h \
	src/admin/wrong.c src/admin/wrong.h \
	src/admin/wrong_vrrp.c
