#include "proxy/prefix.h"

#include "http/prefix.h"

/* What a proxy in front that is believed has taken away stands in front of what is taken here,
 * in one line: some servers read only the first. */
static struct str told_prefix(struct exchange *x)
{
	const struct http_field *f = NULL;
	struct str client = x->prefix->client.n ? x->prefix->client : STR("/");

	if (session_peer_is_trusted(x->session))
		f = http_field_find(&x->req.fields, FIELD_X_FORWARDED_PREFIX);
	if (!f || !f->value.n)
		return client;
	return arena_printf(&x->arena, "%.*s, %.*s", STR_ARGS(f->value), STR_ARGS(client));
}

unsigned prefix_begin(struct exchange *x, struct str *path, struct http_edit *edits)
{
	if (!http_prefix_to_server(x->prefix, x->req.path, &x->arena, path)) {
		x->prefix = NULL;
		return 0;
	}
	if (!x->prefix->told)
		return 0;
	*edits = (struct http_edit){ .kind = HTTP_EDIT_SET,
				     .id = FIELD_X_FORWARDED_PREFIX,
				     .name = STR("X-Forwarded-Prefix"),
				     .value = told_prefix(x) };
	return 1;
}

static struct str configured_address(const struct exchange *x)
{
	const struct backend *b = x->backend;

	for (unsigned i = 0; i < b->conf->n_servers; i++)
		if (b->servers[i] == x->server)
			return b->conf->servers[i].address_text;
	return STR_NONE;
}

bool prefix_mend(struct exchange *x)
{
	const struct http_prefix_names names = {
		.host = x->req.authority,
		.own = { configured_address(x), str_of(x->server->address_text) },
	};

	return http_prefix_mend(x->prefix, &names, &x->res.fields, &x->arena);
}
