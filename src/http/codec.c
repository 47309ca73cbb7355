#include "http/codec.h"

const struct codec codec_h1 = {
	.name = "HTTP/1.1",
	.parse_request = h1_parse_request,
	.parse_response = h1_parse_response,
	.write_request = h1_write_request,
	.write_response = h1_write_response,
	.write_answer = h1_write_answer,
};
