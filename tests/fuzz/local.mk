# Fuzz entries beside each parser. `make check` replays the corpus with a plain main;
# --enable-fuzz (CC=clang) also builds the fuzzers: tests/fuzz/fuzz_X NEW tests/fuzz/corpus/X
EXTRA_DIST += tests/fuzz/corpus tests/fuzz/condition.dict tests/fuzz/conf.dict \
	tests/fuzz/control.dict tests/fuzz/http.dict

check_PROGRAMS += \
	tests/fuzz/replay_accept \
	tests/fuzz/replay_client \
	tests/fuzz/replay_condition \
	tests/fuzz/replay_conf \
	tests/fuzz/replay_control \
	tests/fuzz/replay_cookie \
	tests/fuzz/replay_forward \
	tests/fuzz/replay_h1_chunk \
	tests/fuzz/replay_h1_request \
	tests/fuzz/replay_h1_response \
	tests/fuzz/replay_h2_frames \
	tests/fuzz/replay_h2_origin \
	tests/fuzz/replay_msg \
	tests/fuzz/replay_page \
	tests/fuzz/replay_prefix \
	tests/fuzz/replay_proxy_header \
	tests/fuzz/replay_query \
	tests/fuzz/replay_roster \
	tests/fuzz/replay_target \
	tests/fuzz/replay_vrrp_packet \
	tests/fuzz/replay_web

if ENABLE_FUZZ
noinst_PROGRAMS = \
	tests/fuzz/fuzz_accept \
	tests/fuzz/fuzz_client \
	tests/fuzz/fuzz_condition \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_control \
	tests/fuzz/fuzz_cookie \
	tests/fuzz/fuzz_forward \
	tests/fuzz/fuzz_h1_chunk \
	tests/fuzz/fuzz_h1_request \
	tests/fuzz/fuzz_h1_response \
	tests/fuzz/fuzz_h2_frames \
	tests/fuzz/fuzz_h2_origin \
	tests/fuzz/fuzz_msg \
	tests/fuzz/fuzz_page \
	tests/fuzz/fuzz_prefix \
	tests/fuzz/fuzz_proxy_header \
	tests/fuzz/fuzz_query \
	tests/fuzz/fuzz_roster \
	tests/fuzz/fuzz_target \
	tests/fuzz/fuzz_vrrp_packet \
	tests/fuzz/fuzz_web
endif

fuzz_admin_libs = src/admin/libadmin.a src/ipc/libipc.a src/base/libbase.a $(JANSSON_LIBS)
fuzz_conf_libs = src/conf/libconf.a src/base/libbase.a $(CONFIG_LIBS)
fuzz_control_libs = src/supervisor/libsupervisor.a src/ipc/libipc.a src/net/libnet.a \
	src/base/libbase.a $(EVENT_LIBS) $(OPENSSL_LIBS) $(CAPNG_LIBS) $(SECCOMP_LIBS)
fuzz_forward_libs = src/proxy/libproxy.a src/net/libnet.a src/http/libhttp.a \
	src/base/libbase.a $(EVENT_LIBS)
fuzz_http_libs = src/http/libhttp.a src/base/libbase.a
fuzz_msg_libs = src/ipc/libipc.a src/base/libbase.a
fuzz_net_libs = src/net/libnet.a src/base/libbase.a
fuzz_roster_libs = src/proxy/libproxy.a src/limit/liblimit.a src/upstream/libupstream.a \
	src/balance/libbalance.a src/route/libroute.a src/http/libhttp.a src/net/libnet.a \
	src/conf/libconf.a src/ipc/libipc.a src/base/libbase.a $(CONFIG_LIBS) $(EVENT_LIBS) \
	$(PCRE2_LIBS) $(OPENSSL_LIBS) $(NGHTTP2_LIBS)
fuzz_route_libs = src/route/libroute.a src/http/libhttp.a src/conf/libconf.a \
	src/base/libbase.a $(PCRE2_LIBS) $(CONFIG_LIBS)
fuzz_vrrp_libs = src/vrrp/libvrrp.a src/base/libbase.a
fuzz_web_libs = src/web/libweb.a src/admin/libadmin.a src/net/libnet.a src/http/libhttp.a \
	src/ipc/libipc.a src/base/libbase.a $(JANSSON_LIBS) $(EVENT_LIBS) $(OPENSSL_LIBS)

# What these two have around them is played by the entry itself.
fuzz_client_wraps = -Wl,--wrap=control_connect
fuzz_control_wraps = -Wl,--wrap=reload_ask -Wl,--wrap=reload_ask_upgrade -Wl,--wrap=children_control

tests_fuzz_fuzz_accept_SOURCES = tests/fuzz/fuzz_accept.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_accept_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_accept_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_accept_SOURCES = $(tests_fuzz_fuzz_accept_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_accept_LDADD = $(fuzz_http_libs)

tests_fuzz_fuzz_client_SOURCES = tests/fuzz/fuzz_client.c
tests_fuzz_fuzz_client_LDADD = $(fuzz_admin_libs)
tests_fuzz_fuzz_client_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS) $(fuzz_client_wraps)
tests_fuzz_replay_client_LDFLAGS = $(AM_LDFLAGS) $(fuzz_client_wraps)
tests_fuzz_replay_client_SOURCES = $(tests_fuzz_fuzz_client_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_client_LDADD = $(fuzz_admin_libs)

tests_fuzz_fuzz_condition_SOURCES = tests/fuzz/fuzz_condition.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_condition_LDADD = $(fuzz_route_libs)
tests_fuzz_fuzz_condition_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_condition_SOURCES = $(tests_fuzz_fuzz_condition_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_condition_LDADD = $(fuzz_route_libs)

tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c
tests_fuzz_fuzz_conf_LDADD = $(fuzz_conf_libs)
tests_fuzz_fuzz_conf_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_conf_SOURCES = $(tests_fuzz_fuzz_conf_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_conf_LDADD = $(fuzz_conf_libs)

tests_fuzz_fuzz_control_SOURCES = tests/fuzz/fuzz_control.c
tests_fuzz_fuzz_control_LDADD = $(fuzz_control_libs)
tests_fuzz_fuzz_control_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS) $(fuzz_control_wraps)
tests_fuzz_replay_control_LDFLAGS = $(AM_LDFLAGS) $(fuzz_control_wraps)
tests_fuzz_replay_control_SOURCES = $(tests_fuzz_fuzz_control_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_control_LDADD = $(fuzz_control_libs)

tests_fuzz_fuzz_cookie_SOURCES = tests/fuzz/fuzz_cookie.c tests/fuzz/fuzzing.h tests/fuzz/pairs.h
tests_fuzz_fuzz_cookie_LDADD = $(fuzz_route_libs)
tests_fuzz_fuzz_cookie_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_cookie_SOURCES = $(tests_fuzz_fuzz_cookie_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_cookie_LDADD = $(fuzz_route_libs)

tests_fuzz_fuzz_forward_SOURCES = tests/fuzz/fuzz_forward.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_forward_LDADD = $(fuzz_forward_libs)
tests_fuzz_fuzz_forward_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_forward_SOURCES = $(tests_fuzz_fuzz_forward_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_forward_LDADD = $(fuzz_forward_libs)

tests_fuzz_fuzz_h1_chunk_SOURCES = tests/fuzz/fuzz_h1_chunk.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_h1_chunk_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_h1_chunk_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_h1_chunk_SOURCES = $(tests_fuzz_fuzz_h1_chunk_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_h1_chunk_LDADD = $(fuzz_http_libs)

tests_fuzz_fuzz_h1_request_SOURCES = tests/fuzz/fuzz_h1_request.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_h1_request_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_h1_request_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_h1_request_SOURCES = $(tests_fuzz_fuzz_h1_request_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_h1_request_LDADD = $(fuzz_http_libs)

tests_fuzz_fuzz_h1_response_SOURCES = tests/fuzz/fuzz_h1_response.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_h1_response_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_h1_response_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_h1_response_SOURCES = $(tests_fuzz_fuzz_h1_response_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_h1_response_LDADD = $(fuzz_http_libs)

tests_fuzz_fuzz_h2_frames_SOURCES = tests/fuzz/fuzz_h2_frames.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_h2_frames_LDADD = $(fuzz_http_libs) $(NGHTTP2_LIBS)
tests_fuzz_fuzz_h2_frames_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_h2_frames_SOURCES = $(tests_fuzz_fuzz_h2_frames_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_h2_frames_LDADD = $(fuzz_http_libs) $(NGHTTP2_LIBS)

tests_fuzz_fuzz_h2_origin_SOURCES = tests/fuzz/fuzz_h2_origin.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_h2_origin_LDADD = $(fuzz_http_libs) $(NGHTTP2_LIBS)
tests_fuzz_fuzz_h2_origin_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_h2_origin_SOURCES = $(tests_fuzz_fuzz_h2_origin_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_h2_origin_LDADD = $(fuzz_http_libs) $(NGHTTP2_LIBS)

tests_fuzz_fuzz_msg_SOURCES = tests/fuzz/fuzz_msg.c
tests_fuzz_fuzz_msg_LDADD = $(fuzz_msg_libs)
tests_fuzz_fuzz_msg_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_msg_SOURCES = $(tests_fuzz_fuzz_msg_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_msg_LDADD = $(fuzz_msg_libs)

tests_fuzz_fuzz_page_SOURCES = tests/fuzz/fuzz_page.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_page_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_page_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_page_SOURCES = $(tests_fuzz_fuzz_page_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_page_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_prefix_SOURCES = tests/fuzz/fuzz_prefix.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_prefix_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_prefix_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_prefix_SOURCES = $(tests_fuzz_fuzz_prefix_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_prefix_LDADD = $(fuzz_http_libs)

tests_fuzz_fuzz_proxy_header_SOURCES = tests/fuzz/fuzz_proxy_header.c
tests_fuzz_fuzz_proxy_header_LDADD = $(fuzz_net_libs)
tests_fuzz_fuzz_proxy_header_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_proxy_header_SOURCES = $(tests_fuzz_fuzz_proxy_header_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_proxy_header_LDADD = $(fuzz_net_libs)

tests_fuzz_fuzz_query_SOURCES = tests/fuzz/fuzz_query.c tests/fuzz/fuzzing.h tests/fuzz/pairs.h
tests_fuzz_fuzz_query_LDADD = $(fuzz_route_libs)
tests_fuzz_fuzz_query_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_query_SOURCES = $(tests_fuzz_fuzz_query_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_query_LDADD = $(fuzz_route_libs)

tests_fuzz_fuzz_roster_SOURCES = tests/fuzz/fuzz_roster.c
tests_fuzz_fuzz_roster_LDADD = $(fuzz_roster_libs)
tests_fuzz_fuzz_roster_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_roster_SOURCES = $(tests_fuzz_fuzz_roster_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_roster_LDADD = $(fuzz_roster_libs)

tests_fuzz_fuzz_target_SOURCES = tests/fuzz/fuzz_target.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_target_LDADD = $(fuzz_http_libs)
tests_fuzz_fuzz_target_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_target_SOURCES = $(tests_fuzz_fuzz_target_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_target_LDADD = $(fuzz_http_libs)

tests_fuzz_fuzz_vrrp_packet_SOURCES = tests/fuzz/fuzz_vrrp_packet.c
tests_fuzz_fuzz_vrrp_packet_LDADD = $(fuzz_vrrp_libs)
tests_fuzz_fuzz_vrrp_packet_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_vrrp_packet_SOURCES = $(tests_fuzz_fuzz_vrrp_packet_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_vrrp_packet_LDADD = $(fuzz_vrrp_libs)

tests_fuzz_fuzz_web_SOURCES = tests/fuzz/fuzz_web.c tests/fuzz/fuzzing.h
tests_fuzz_fuzz_web_LDADD = $(fuzz_web_libs)
tests_fuzz_fuzz_web_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LDFLAGS)
tests_fuzz_replay_web_SOURCES = $(tests_fuzz_fuzz_web_SOURCES) tests/fuzz/replay.c
tests_fuzz_replay_web_LDADD = $(fuzz_web_libs)
