#include "http/fields.h"

enum { HOP = FIELD_IS_HOP, KEEP = FIELD_IS_KEPT, FRAMING = FIELD_IS_FRAMING,
       FORGED = FIELD_IS_FORGED };

static const struct str names[FIELD_COUNT] = {
#define FIELD(id, name, flags) [FIELD_##id] = { (name), sizeof(name) - 1 },
#include "http/fields.def"
#undef FIELD
};

static const uint8_t flags_of[FIELD_COUNT] = {
#define FIELD(id, name, flags) [FIELD_##id] = (flags),
#include "http/fields.def"
#undef FIELD
};

/* The known names of each length, so that a field is compared with very few: most have none
 * of their length and first letter. A row of fields.def that is missing here fails the unit
 * test. */
#define LENGTHS 22
#define SAME_LENGTH 4
static const uint8_t by_length[LENGTHS][SAME_LENGTH] = {
	[2] = { FIELD_TE },
	[3] = { FIELD_VIA },
	[4] = { FIELD_HOST, FIELD_DATE },
	[5] = { FIELD_CLOSE },
	[6] = { FIELD_COOKIE, FIELD_EXPECT },
	[7] = { FIELD_UPGRADE, FIELD_REFERER, FIELD_TRAILER },
	[9] = { FIELD_X_REAL_IP, FIELD_FORWARDED },
	[10] = { FIELD_CONNECTION, FIELD_USER_AGENT, FIELD_KEEP_ALIVE },
	[12] = { FIELD_MAX_FORWARDS, FIELD_X_REQUEST_ID },
	[13] = { FIELD_AUTHORIZATION },
	[14] = { FIELD_CONTENT_LENGTH, FIELD_HTTP2_SETTINGS },
	[15] = { FIELD_X_FORWARDED_FOR, FIELD_X_FORWARDED_SSL },
	[16] = { FIELD_X_FORWARDED_HOST, FIELD_X_FORWARDED_PORT, FIELD_PROXY_CONNECTION,
		 FIELD_WWW_AUTHENTICATE },
	[17] = { FIELD_TRANSFER_ENCODING, FIELD_X_FORWARDED_PROTO, FIELD_SEC_WEBSOCKET_KEY },
	[18] = { FIELD_PROXY_AUTHENTICATE, FIELD_X_FORWARDED_PREFIX },
	[20] = { FIELD_X_FORWARDED_PROTOCOL, FIELD_SEC_WEBSOCKET_ACCEPT },
	[21] = { FIELD_SEC_WEBSOCKET_VERSION },
};

enum http_field_id http_field_classify(struct str name)
{
	const uint8_t *ids;

	if (name.n >= LENGTHS)
		return FIELD_OTHER;
	ids = by_length[name.n];
	for (unsigned i = 0; i < SAME_LENGTH && ids[i] != FIELD_OTHER; i++) {
		struct str known = names[ids[i]];

		if (((name.p[0] ^ known.p[0]) & ~0x20) == 0 && str_ieq(name, known))
			return (enum http_field_id)ids[i];
	}
	return FIELD_OTHER;
}

unsigned http_field_flags(enum http_field_id id)
{
	return flags_of[id];
}

void http_fields_init(struct http_fields *f)
{
	f->list = f->fixed;
	f->count = 0;
	f->room = HTTP_FIELDS_INLINE;
	f->untidy = false;
}

static bool fields_grow(struct http_fields *f, struct arena *arena)
{
	struct http_field *list = arena_alloc(arena, 2 * f->room * sizeof(*list));

	if (!list)
		return false;
	memcpy(list, f->list, f->count * sizeof(*list));
	f->list = list;
	f->room *= 2;
	return true;
}

struct http_field *http_fields_add(struct http_fields *f, struct arena *arena)
{
	if (f->count == f->room && !fields_grow(f, arena))
		return NULL;
	return &f->list[f->count++];
}
