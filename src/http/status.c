#include "http/h1_write.h"

struct str http_status_phrase(unsigned status)
{
	switch (status) {
#define STATUS(code, phrase) case code: return STR(phrase);
#include "http/status.def"
#undef STATUS
	default:
		return STR("");
	}
}
