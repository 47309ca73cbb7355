#include "http/websocket.h"

#include "http/chars.h"

static void protocols_read(struct http_websocket_facts *w, struct str value)
{
	struct str item;

	while (http_list_next(&value, &item)) {
		w->protocols++;
		w->listed |= str_ieq(item, STR("websocket"));
	}
}

void http_websocket_read(struct http_websocket_facts *w, const struct http_field *f)
{
	switch (f->id) {
	case FIELD_UPGRADE:
		protocols_read(w, f->value);
		break;
	case FIELD_SEC_WEBSOCKET_KEY:
		w->keys++;
		w->key = f;
		break;
	case FIELD_SEC_WEBSOCKET_VERSION:
		w->versions++;
		w->version = f;
		break;
	case FIELD_SEC_WEBSOCKET_ACCEPT:
		w->accepts++;
		w->accept = f;
		break;
	default:
		break;
	}
}

bool http_websocket_key_valid(struct str key)
{
	if (key.n != 24 || !str_ends(key, STR("==")))
		return false;
	for (size_t i = 0; i < 22; i++)
		if (!http_char_is(key.p[i], CHAR_BASE64))
			return false;
	return true;
}

/* A key that Connection names would not come to the server. */
bool http_websocket_request_good(const struct http_websocket_facts *w, enum http_method method,
				 unsigned minor)
{
	return method == METHOD_GET && minor > 0 && w->connection && w->keys == 1 &&
	       !w->key->drop && http_websocket_key_valid(w->key->value);
}

bool http_websocket_is_13(const struct http_websocket_facts *w)
{
	return w->versions == 1 && !w->version->drop && str_eq(w->version->value, STR("13"));
}

bool http_websocket_switch_good(const struct http_websocket_facts *w, unsigned minor)
{
	return minor > 0 && w->connection && w->listed && w->protocols == 1 && w->accepts == 1 &&
	       !w->accept->drop && w->accept->value.n > 0;
}
