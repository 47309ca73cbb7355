check_PROGRAMS += \
	tests/unit/test_route_grammar \
	tests/unit/test_route_plan \
	tests/unit/test_route_template \
	tests/unit/test_route_words

route_test_libs = src/route/libroute.a src/http/libhttp.a src/conf/libconf.a \
	src/base/libbase.a $(PCRE2_LIBS) $(CONFIG_LIBS) $(CHECK_LIBS)

tests_unit_test_route_grammar_SOURCES = tests/unit/test_route_grammar.c tests/unit/route_rig.h
tests_unit_test_route_grammar_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_route_grammar_LDADD = $(route_test_libs)
tests_unit_test_route_plan_SOURCES = tests/unit/test_route_plan.c tests/unit/route_rig.h
tests_unit_test_route_plan_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_route_plan_LDADD = $(route_test_libs)

tests_unit_test_route_template_SOURCES = tests/unit/test_route_template.c tests/unit/route_rig.h
tests_unit_test_route_template_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_route_template_LDADD = $(route_test_libs)
tests_unit_test_route_words_SOURCES = tests/unit/test_route_words.c tests/unit/route_rig.h
tests_unit_test_route_words_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_route_words_LDADD = $(route_test_libs)

EXTRA_DIST += tests/bench/bench_route.c
