check_PROGRAMS += \
	tests/unit/test_conf_blot \
	tests/unit/test_conf_diag \
	tests/unit/test_conf_options \
	tests/unit/test_conf_parse \
	tests/unit/test_conf_syntax \
	tests/unit/test_conf_value \
	tests/unit/test_conf_vrrp

conf_test_libs = src/conf/libconf.a src/base/libbase.a $(CONFIG_LIBS) $(CHECK_LIBS)

tests_unit_test_conf_diag_SOURCES = tests/unit/test_conf_diag.c tests/unit/conf_rig.h
tests_unit_test_conf_diag_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_conf_diag_LDADD = $(conf_test_libs)
tests_unit_test_conf_options_SOURCES = tests/unit/test_conf_options.c tests/unit/conf_rig.h
tests_unit_test_conf_options_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_conf_options_LDADD = $(conf_test_libs)
tests_unit_test_conf_parse_SOURCES = tests/unit/test_conf_parse.c tests/unit/conf_rig.h
tests_unit_test_conf_parse_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_conf_parse_LDADD = $(conf_test_libs)
tests_unit_test_conf_syntax_SOURCES = tests/unit/test_conf_syntax.c tests/unit/conf_rig.h
tests_unit_test_conf_syntax_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_conf_syntax_LDADD = $(conf_test_libs)
tests_unit_test_conf_value_SOURCES = tests/unit/test_conf_value.c tests/unit/conf_rig.h
tests_unit_test_conf_value_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_conf_value_LDADD = $(conf_test_libs)
tests_unit_test_conf_blot_SOURCES = tests/unit/test_conf_blot.c tests/unit/conf_rig.h
tests_unit_test_conf_blot_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_conf_blot_LDADD = $(conf_test_libs)
tests_unit_test_conf_vrrp_SOURCES = tests/unit/test_conf_vrrp.c tests/unit/conf_rig.h
tests_unit_test_conf_vrrp_CFLAGS = $(AM_CFLAGS) $(CHECK_CFLAGS)
tests_unit_test_conf_vrrp_LDADD = $(conf_test_libs)
