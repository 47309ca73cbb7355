noinst_LIBRARIES += src/ctl/libctl.a
src_ctl_libctl_a_CFLAGS = $(AM_CFLAGS) $(NCURSES_CFLAGS)
src_ctl_libctl_a_SOURCES = \
	src/ctl/call.c src/ctl/call.h \
	src/ctl/commands.h \
	src/ctl/explain.c \
	src/ctl/servers.c \
	src/ctl/terminal.c src/ctl/terminal.h \
	src/ctl/top.c \
	src/ctl/top_grid.c src/ctl/top_grid.h \
	src/ctl/top_lines.c src/ctl/top_lines.h \
	src/ctl/top_rates.c src/ctl/top_rates.h \
	src/ctl/top_screen.c src/ctl/top_screen.h \
	src/ctl/top_tables.c src/ctl/top_tables.h \
	src/ctl/top_view.c src/ctl/top_view.h
