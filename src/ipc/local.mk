noinst_LIBRARIES += src/ipc/libipc.a
src_ipc_libipc_a_SOURCES = \
	src/ipc/board.c src/ipc/board.h \
	src/ipc/board_move.c src/ipc/board_move.h \
	src/ipc/brief.c src/ipc/brief.h \
	src/ipc/bundle.c src/ipc/bundle.h \
	src/ipc/control.c src/ipc/control.h \
	src/ipc/fdpass.c src/ipc/fdpass.h \
	src/ipc/limit_board.c src/ipc/limit_board.h \
	src/ipc/msg.c src/ipc/msg.h \
	src/ipc/sealed.c src/ipc/sealed.h \
	src/ipc/serve.c src/ipc/serve.h
