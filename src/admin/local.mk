noinst_LIBRARIES += src/admin/libadmin.a
src_admin_libadmin_a_SOURCES = \
	src/admin/client.c src/admin/client.h \
	src/admin/follow.c src/admin/follow.h \
	src/admin/json.c \
	src/admin/print.c \
	src/admin/snapshot.c src/admin/snapshot.h \
	src/admin/snapshot_data.h \
	src/admin/table.c src/admin/table.h \
	src/admin/text.c src/admin/text.h
