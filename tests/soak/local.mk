# hpcbald with its heap counted: `make tests/soak/hpcbald`, which tests/soak/run does.
EXTRA_PROGRAMS += tests/soak/hpcbald
tests_soak_hpcbald_SOURCES = $(hpcbald_SOURCES) tests/soak/heap.c
tests_soak_hpcbald_LDADD = $(hpcbald_LDADD)
EXTRA_DIST += tests/soak/run tests/soak/README.md tests/soak/bad.py tests/soak/bad_h2.py \
	tests/soak/bad_tls.py tests/soak/books.py tests/soak/clients.py tests/soak/good.py \
	tests/soak/good_h2.py tests/soak/good_tls.py tests/soak/h2talk.py tests/soak/servers.py \
	tests/soak/servers_h2.py tests/soak/site_under_soak.py tests/soak/talk.py
CLEANFILES += tests/soak/hpcbald$(EXEEXT)
