# One configuration for each kind of mistake, and what is said to it. To add one: write
# cases/NAME.conf, run `GOLDEN_UPDATE=1 make check TESTS=tests/golden/golden`, read the
# difference, and commit both files.
check_PROGRAMS += tests/golden/golden
tests_golden_golden_SOURCES = tests/golden/golden.c
tests_golden_golden_LDADD = \
	src/loader/libloader.a \
	src/vrrp/libvrrp.a \
	src/route/libroute.a \
	src/http/libhttp.a \
	src/ipc/libipc.a \
	src/net/libnet.a \
	src/conf/libconf.a \
	src/base/libbase.a \
	$(CONFIG_LIBS) $(OPENSSL_LIBS) $(PCRE2_LIBS) $(EVENT_LIBS)
EXTRA_DIST += tests/golden/cases
