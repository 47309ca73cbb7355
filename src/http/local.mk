noinst_LIBRARIES += src/http/libhttp.a
src_http_libhttp_a_SOURCES = \
	src/http/accept.c src/http/accept.h \
	src/http/authority.c src/http/authority.h \
	src/http/chars.c src/http/chars.h \
	src/http/codec.c src/http/codec.h \
	src/http/connection.c src/http/connection.h \
	src/http/cookies.c src/http/cookies.h \
	src/http/date.c \
	src/http/edits.c src/http/edits.h \
	src/http/fields.c src/http/fields.def src/http/fields.h \
	src/http/framing.c src/http/framing.h \
	src/http/h1_chunk.c src/http/h1_chunk.h \
	src/http/h1_line.c src/http/h1_line.h \
	src/http/h1_parse.h src/http/h1_request.c src/http/h1_response.c \
	src/http/h1_target.c src/http/h1_target.h \
	src/http/h1_write.c src/http/h1_write.h \
	src/http/h2_block.c src/http/h2_block.h \
	src/http/h2_budget.c src/http/h2_budget.h src/http/h2_floods.def \
	src/http/h2_call.c src/http/h2_call.h \
	src/http/h2_origin.c src/http/h2_origin.h \
	src/http/h2_reply.c src/http/h2_reply.h \
	src/http/h2_request.c src/http/h2_request.h \
	src/http/h2_response.c src/http/h2_response.h \
	src/http/h2_server.c src/http/h2_server.h \
	src/http/h2_session.c src/http/h2_session.h \
	src/http/h2_session_in.c src/http/h2_session_out.c src/http/h2_session_parts.h \
	src/http/h2_stream.c \
	src/http/hops.c src/http/hops.h \
	src/http/message.c src/http/message.h \
	src/http/named.c src/http/named.h \
	src/http/page.c src/http/page.def src/http/page.h \
	src/http/path.c src/http/path.h \
	src/http/prefix.c src/http/prefix.h \
	src/http/request_id.c src/http/request_id.h \
	src/http/status.c src/http/status.def \
	src/http/text.h \
	src/http/websocket.c src/http/websocket.h \
	src/http/ws_frames.c src/http/ws_frames.h
