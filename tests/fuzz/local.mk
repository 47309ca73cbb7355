# Fuzz entries beside each parser. `make check` replays the corpus with a plain main;
# --enable-fuzz (CC=clang) also builds the fuzzers: tests/fuzz/fuzz_X NEW tests/fuzz/corpus/X
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/condition.dict tests/fuzz/http.dict

check_PROGRAMS += \
	tests/fuzz/replay_condition \
	tests/fuzz/replay_h1_chunk \
	tests/fuzz/replay_h1_request \
	tests/fuzz/replay_h1_response

fuzz_http_libs = src/http/libhttp.a src/base/libbase.a
fuzz_route_libs = src/route/libroute.a src/http/libhttp.a src/conf/libconf.a \
	src/base/libbase.a $(PCRE2_LIBS) $(CONFIG_LIBS)

tests_fuzz_replay_condition_SOURCES = tests/fuzz/fuzz_condition.c tests/fuzz/fuzzing.h \
	tests/fuzz/replay.c
tests_fuzz_replay_condition_LDADD = $(fuzz_route_libs)
tests_fuzz_replay_h1_chunk_SOURCES = tests/fuzz/fuzz_h1_chunk.c tests/fuzz/fuzzing.h \
	tests/fuzz/replay.c
tests_fuzz_replay_h1_chunk_LDADD = $(fuzz_http_libs)
tests_fuzz_replay_h1_request_SOURCES = tests/fuzz/fuzz_h1_request.c tests/fuzz/fuzzing.h \
	tests/fuzz/replay.c
tests_fuzz_replay_h1_request_LDADD = $(fuzz_http_libs)
tests_fuzz_replay_h1_response_SOURCES = tests/fuzz/fuzz_h1_response.c tests/fuzz/fuzzing.h \
	tests/fuzz/replay.c
tests_fuzz_replay_h1_response_LDADD = $(fuzz_http_libs)

check_PROGRAMS += tests/fuzz/replay_conf
fuzz_conf_libs = src/conf/libconf.a src/base/libbase.a $(CONFIG_LIBS)
tests_fuzz_replay_conf_SOURCES = tests/fuzz/fuzz_conf.c tests/fuzz/replay.c
tests_fuzz_replay_conf_LDADD = $(fuzz_conf_libs)

check_PROGRAMS += tests/fuzz/replay_vrrp_packet
fuzz_vrrp_libs = src/vrrp/libvrrp.a src/base/libbase.a
tests_fuzz_replay_vrrp_packet_SOURCES = tests/fuzz/fuzz_vrrp_packet.c tests/fuzz/replay.c
tests_fuzz_replay_vrrp_packet_LDADD = $(fuzz_vrrp_libs)

if ENABLE_FUZZ
noinst_PROGRAMS = \
	tests/fuzz/fuzz_condition \
	tests/fuzz/fuzz_h1_chunk \
	tests/fuzz/fuzz_h1_request \
	tests/fuzz/fuzz_h1_response

tests_fuzz_fuzz_condition_SOURCES = tests/fuzz/fuzz_condition.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_condition_LDADD = $(fuzz_route_libs)
tests_fuzz_fuzz_condition_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_h1_chunk_SOURCES = tests/fuzz/fuzz_h1_chunk.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_h1_chunk_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_h1_chunk_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_h1_request_SOURCES = tests/fuzz/fuzz_h1_request.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_h1_request_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_h1_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_h1_response_SOURCES = tests/fuzz/fuzz_h1_response.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_h1_response_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_h1_response_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

noinst_PROGRAMS += tests/fuzz/fuzz_conf
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c
tests_fuzz_fuzz_conf_LDADD = $(fuzz_conf_libs)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)

noinst_PROGRAMS += tests/fuzz/fuzz_vrrp_packet
tests_fuzz_fuzz_vrrp_packet_SOURCES = tests/fuzz/fuzz_vrrp_packet.c
tests_fuzz_fuzz_vrrp_packet_LDADD = $(fuzz_vrrp_libs)
tests_fuzz_fuzz_vrrp_packet_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
endif
