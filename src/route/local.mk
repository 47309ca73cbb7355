noinst_LIBRARIES += src/route/libroute.a
src_route_libroute_a_SOURCES = \
	src/route/acl.c \
	src/route/ask.c src/route/ask.h \
	src/route/compile.h \
	src/route/condition.c src/route/condition.h \
	src/route/edit_rules.c src/route/edit_rules.h \
	src/route/expect.c src/route/expect.h \
	src/route/lex.c src/route/lex.h \
	src/route/literals.c src/route/literals.h \
	src/route/netset.c src/route/netset.h \
	src/route/pages.c src/route/pages.h \
	src/route/parse.c \
	src/route/plan.c src/route/plan.h \
	src/route/regex.c src/route/regex.h \
	src/route/route.h \
	src/route/router.c \
	src/route/template.c src/route/template.def src/route/template.h \
	src/route/values.c \
	src/route/words.c src/route/words.def src/route/words.h
