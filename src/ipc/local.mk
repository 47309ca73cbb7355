noinst_LIBRARIES += src/ipc/libipc.a
src_ipc_libipc_a_SOURCES = \
	src/ipc/board.h \
	src/ipc/bundle.h \
	src/ipc/control.h \
	src/ipc/msg.h
