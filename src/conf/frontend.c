/* The list "frontends". */
#include "conf/build.h"
#include "conf/scalar.h"
#include "conf/section.h"
#include "conf/value.h"

#define SHOWN(s) STR_ARGS(str_first(s, 60))

/* --- binds --- */

static bool is_any(const struct addr *a)
{
	if (a->u.sa.sa_family == AF_INET)
		return a->u.in.sin_addr.s_addr == htonl(INADDR_ANY);
	return a->u.sa.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->u.in6.sin6_addr);
}

/* Whether the kernel would refuse the second one. "[::]" is IPv6 only, so that families
 * never clash. */
static bool addresses_clash(const struct addr *a, const struct addr *b)
{
	if (a->u.sa.sa_family != b->u.sa.sa_family || addr_port(a) != addr_port(b))
		return false;
	return is_any(a) || is_any(b) || addr_eq(a, b);
}

static void check_clash(struct draft *d, const config_setting_t *s, const struct conf_bind *bind)
{
	for (unsigned i = 0; i < d->n_binds; i++) {
		const struct conf_bind *e = d->binds[i];

		if (!addresses_clash(&e->addr, &bind->addr))
			continue;
		if (str_eq(e->text, bind->text))
			draft_fault(d, s, "\"%.*s\" is bound a second time (first %s); remove one",
				    SHOWN(syntax_text(s)), draft_place(d, s, e->line).text);
		else
			draft_fault(d, s,
				    "\"%.*s\" and \"%.*s\" (%s) cannot both be bound; use another "
				    "port, or one address each",
				    SHOWN(syntax_text(s)), STR_ARGS(e->text),
				    draft_place(d, s, e->line).text);
		return;
	}
}

void build_check_admin(struct draft *d, const config_setting_t *listen)
{
	struct str text = syntax_text(listen);
	struct addr a;

	if (addr_parse(&a, text)) /* said already */
		return;
	for (unsigned i = 0; i < d->n_binds; i++) {
		const struct conf_bind *e = d->binds[i];

		if (!addresses_clash(&e->addr, &a))
			continue;
		draft_fault(d, listen,
			    "\"%.*s\" and the bind \"%.*s\" (%s) cannot both be listened on; give "
			    "admin another port",
			    SHOWN(text), STR_ARGS(e->text), draft_place(d, listen, e->line).text);
		return;
	}
}

static const char *host_fault(struct str text)
{
	struct str host = str_first(text, (size_t)str_find_char(text, ':'));

	if (host.n == 0)
		return "the part in front of the port is missing";
	if (value_is_host(host))
		return "its host is a name, and listening needs an address";
	return "its host is malformed";
}

static void read_bind(struct draft *d, const config_setting_t *s, struct conf_frontend *f)
{
	struct conf_bind *bind = &f->binds[f->n_binds];
	char text[ADDR_TEXT];
	const char *why;

	if (!scalar_text_good(s, TYPE_TEXT))
		return;
	why = addr_parse(&bind->addr, syntax_text(s));
	if (why == ADDR_NOT_NUMERIC)
		why = host_fault(syntax_text(s));
	if (why) {
		draft_fault(d, s,
			    "\"%.*s\" is no address to listen on: %s; write one as in \"*:80\" or "
			    "\"10.0.0.1:80\"",
			    SHOWN(syntax_text(s)), why);
		return;
	}
	addr_format(&bind->addr, text, sizeof(text));
	bind->text = draft_str(d, str_of(text));
	bind->line = syntax_line(s);
	check_clash(d, s, bind);
	d->binds[d->n_binds++] = bind;
	f->n_binds++;
}

static void read_paths(struct draft *d, const config_setting_t *list, struct conf_path **to,
		       unsigned *n)
{
	unsigned most = list ? (unsigned)config_setting_length(list) : 0;

	if (most > CONF_MAX_CERTIFICATES) {
		draft_fault(d, list,
			    "more than %d files in \"%.*s\" are too many for this version; "
			    "remove some",
			    CONF_MAX_CERTIFICATES, SHOWN(syntax_name(list)));
		return;
	}
	*to = draft_array(d, most, sizeof(**to));
	for (unsigned i = 0; *to && i < most; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_type(e) == CONFIG_TYPE_STRING && scalar_text_good(e, TYPE_TEXT))
			(*to)[(*n)++] = (struct conf_path){ draft_str(d, syntax_text(e)),
							    syntax_line(e) };
	}
}

static void read_file(struct draft *d, const config_setting_t *group, const char *name,
		      struct conf_path *to)
{
	const config_setting_t *s = section_member(group, SECTION_BIND_TLS, name);

	if (s)
		*to = (struct conf_path){ section_text(d, group, SECTION_BIND_TLS, name),
					  syntax_line(s) };
}

static void check_clients(struct draft *d, const config_setting_t *group,
			  const struct conf_tls *tls)
{
	if (tls->clients != CONF_TLS_CLIENTS_NONE && !tls->ca.path.n)
		draft_fault(d, group,
			    "certificates of clients are worth nothing when anybody may sign "
			    "them; add ca = \"/etc/hpcbal/tls/clients.pem\";");
	else if (tls->clients == CONF_TLS_CLIENTS_NONE && (tls->ca.path.n || tls->crl.path.n))
		draft_fault(d, group,
			    "ca and crl are for certificates of clients, which nobody is asked "
			    "for; add clients = \"required\"; or \"optional\", or remove them");
}

static void build_tls(struct draft *d, const config_setting_t *group, struct conf_tls *tls)
{
	const config_setting_t *list = section_member(group, SECTION_BIND_TLS, "certificates");

	section_defaults(d, SECTION_BIND_TLS, tls);
	section_read(d, group, SECTION_BIND_TLS, tls);
	read_paths(d, list, &tls->certificates, &tls->n_certificates);
	read_paths(d, section_member(group, SECTION_BIND_TLS, "keys"), &tls->keys, &tls->n_keys);
	if (list && !config_setting_length(list))
		draft_fault(d, list,
			    "TLS without a certificate is none; write certificates = ( "
			    "\"/etc/hpcbal/tls/portal.pem\" );");
	read_file(d, group, "ticket_keys", &tls->ticket_keys);
	read_file(d, group, "ca", &tls->ca);
	read_file(d, group, "crl", &tls->crl);
	check_clients(d, group, tls);
	tls->on = tls->n_certificates > 0;
}

static void build_binds(struct draft *d, const config_setting_t *list, struct conf_frontend *f)
{
	unsigned n = (unsigned)config_setting_length(list);

	if (n == 0)
		draft_fault(d, list,
			    "a frontend without an address to listen on gets no request; "
			    "write bind = ( \"*:80\" );");
	if (n > CONF_MAX_BINDS - d->n_binds) {
		draft_fault(d, list,
			    "more than %d addresses in all frontends together are too many "
			    "for this version; remove some",
			    CONF_MAX_BINDS);
		return;
	}
	f->binds = draft_array(d, n, sizeof(*f->binds));
	for (unsigned i = 0; f->binds && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);
		const config_setting_t *address = e, *tls = NULL;

		section_defaults(d, SECTION_BIND, &f->binds[f->n_binds]);
		if (config_setting_is_group(e)) {
			section_read(d, e, SECTION_BIND, &f->binds[f->n_binds]);
			if (f->mode == CONF_MODE_TCP)
				section_check_tcp(d, e, SECTION_BIND);
			address = config_setting_get_member(e, "address");
			tls = section_member(e, SECTION_BIND, "tls");
		}
		if (tls)
			build_tls(d, tls, &f->binds[f->n_binds].tls);
		if (address && config_setting_type(address) == CONFIG_TYPE_STRING)
			read_bind(d, address, f);
	}
}

/* --- acls and routes --- */

static void build_acls(struct draft *d, const config_setting_t *group, struct conf_frontend *f)
{
	unsigned n = (unsigned)config_setting_length(group);

	f->acls = draft_array(d, n, sizeof(*f->acls));
	for (unsigned i = 0; f->acls && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(group, i);
		struct conf_acl *acl = &f->acls[f->n_acls];

		if (!value_is_name(syntax_name(e)))
			draft_fault(d, e,
				    "\"%.*s\" cannot be the name of an acl; write 1 to %d of "
				    "A-Z a-z 0-9 _ -",
				    SHOWN(syntax_name(e)), CONF_NAME_MAX);
		if (config_setting_type(e) != CONFIG_TYPE_STRING ||
		    !scalar_text_good(e, TYPE_TEXT))
			continue;
		acl->name = draft_str(d, syntax_name(e));
		acl->text = draft_str(d, syntax_text(e));
		acl->line = syntax_line(e);
		f->n_acls++;
	}
}

static const char *mode_name(enum conf_mode m)
{
	return m == CONF_MODE_TCP ? "tcp" : "http";
}

static void check_mode(struct draft *d, const config_setting_t *s, const struct conf_frontend *f,
		       const struct conf_backend *b)
{
	if (f->mode != b->mode)
		draft_fault(d, s,
			    "this frontend has mode %s and the backend \"%.*s\" has mode %s; "
			    "both need the same",
			    mode_name(f->mode), STR_ARGS(b->name), mode_name(b->mode));
}

int build_use_backend(struct draft *d, const config_setting_t *s, const struct conf_frontend *f)
{
	int meant, index = build_find_backend(d, s, &meant);

	if (meant >= 0)
		d->used[meant] = true;
	if (index >= 0)
		check_mode(d, s, f, &d->conf->backends[index]);
	return index;
}

static void build_route(struct draft *d, const config_setting_t *group, struct conf_frontend *f)
{
	struct conf_route *route = &f->routes[f->n_routes];
	const config_setting_t *backend = section_member(group, SECTION_ROUTE, "backend");
	bool good = build_action(d, group, f->mode == CONF_MODE_TCP, route);
	int index = backend ? build_use_backend(d, backend, f) : -1;

	section_read(d, group, SECTION_ROUTE, route);
	if (f->mode == CONF_MODE_TCP)
		section_check_tcp(d, group, SECTION_ROUTE);
	build_split(d, group, f, route);
	build_prefix(d, group, route);
	route->when = section_text(d, group, SECTION_ROUTE, "when");
	route->line = syntax_line(group);
	if (!good || (backend && index < 0) || route->when.n == 0)
		return;
	route->backend = backend ? (unsigned)index : 0;
	f->n_routes++;
}

static void build_routes(struct draft *d, const config_setting_t *list, struct conf_frontend *f)
{
	unsigned n = (unsigned)config_setting_length(list);

	f->routes = draft_array(d, n, sizeof(*f->routes));
	for (unsigned i = 0; f->routes && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_is_group(e))
			build_route(d, e, f);
	}
}

static void read_default_backend(struct draft *d, const config_setting_t *group,
				 struct conf_frontend *f)
{
	const config_setting_t *s = config_setting_get_member(group, "default_backend");

	f->default_backend = -1;
	if (!s)
		draft_warn(d, group,
			   "a frontend without default_backend %s what no route takes; add "
			   "default_backend = \"NAME\";, or a last route with "
			   "when = \"always\"",
			   f->mode == CONF_MODE_TCP ? "closes" : "answers 503 to");
	else if (config_setting_type(s) == CONFIG_TYPE_STRING)
		f->default_backend = build_use_backend(d, s, f);
}

/* --- the rest --- */

static void build_trusted(struct draft *d, const config_setting_t *list, struct conf_frontend *f)
{
	unsigned n = (unsigned)config_setting_length(list);

	f->trusted_proxies = draft_array(d, n, sizeof(*f->trusted_proxies));
	for (unsigned i = 0; f->trusted_proxies && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);
		const char *why;

		if (config_setting_type(e) != CONFIG_TYPE_STRING ||
		    !scalar_text_good(e, TYPE_TEXT))
			continue;
		why = net_parse(&f->trusted_proxies[f->n_trusted], syntax_text(e));
		if (why)
			draft_fault(
				d, e,
				"\"%.*s\" is no network: %s; write one as in \"10.0.0.0/8\" or "
				"\"10.0.0.1\"",
				SHOWN(syntax_text(e)), why);
		else
			f->n_trusted++;
	}
}

/* Whether a bind could ever read the header that it asks for. */
static void check_proxy_protocol(struct draft *d, const config_setting_t *bind, bool trusts)
{
	const config_setting_t *s = section_member(bind, SECTION_BIND, "proxy_protocol");
	const config_setting_t *address = section_member(bind, SECTION_BIND, "address");

	if (!s || !config_setting_get_bool(s))
		return;
	if (address && str_begins(syntax_text(address), STR("unix:")))
		draft_fault(d, s,
			    "whoever comes to a unix socket has no address that trusted_proxies "
			    "could list, so that no header would be read; remove proxy_protocol, "
			    "or listen on an address");
	else if (!trusts)
		draft_fault(d, s,
			    "a header is read from trusted_proxies only, and this frontend has "
			    "none; add trusted_proxies = ( \"10.0.0.1\" ); with the addresses of "
			    "the proxies in front");
}

static void check_proxy_protocols(struct draft *d, const config_setting_t *group)
{
	const config_setting_t *list = section_member(group, SECTION_FRONTEND, "bind");
	const config_setting_t *trusted =
		section_member(group, SECTION_FRONTEND, "trusted_proxies");

	for (int i = 0; list && i < config_setting_length(list); i++) {
		const config_setting_t *e = config_setting_get_elem(list, (unsigned)i);

		if (config_setting_is_group(e))
			check_proxy_protocol(d, e, trusted && config_setting_length(trusted));
	}
}

static void read_relax(struct draft *d, const config_setting_t *list, struct conf_frontend *f)
{
	const char *words = option_find(SECTION_FRONTEND, STR("relax"))->words;

	for (int i = 0; i < config_setting_length(list); i++) {
		const config_setting_t *e = config_setting_get_elem(list, (unsigned)i);

		if (config_setting_type(e) != CONFIG_TYPE_STRING ||
		    !scalar_text_good(e, TYPE_TEXT))
			continue;
		if (words_find(words, syntax_text(e)) == 0)
			f->relax_bare_lf = true;
		else
			draft_fault(d, e,
				    "relax has no word \"%.*s\"; write \"bare_lf\", or leave it "
				    "out",
				    SHOWN(syntax_text(e)));
	}
}

static void check_frontend_name(struct draft *d, const config_setting_t *group,
				const struct conf_frontend *f)
{
	for (const struct conf_frontend *e = d->conf->frontends; f->name.n && e < f; e++) {
		if (!str_eq(e->name, f->name))
			continue;
		draft_fault(d, group,
			    "\"%.*s\" is the name of another frontend (%s); choose another",
			    STR_ARGS(f->name), draft_place(d, group, e->line).text);
		return;
	}
}

static void check_subject(struct draft *d, const config_setting_t *group,
			  const struct conf_frontend *f)
{
	const config_setting_t *s = section_member(group, SECTION_FRONTEND, "client_subject");

	if (s && f->subject_header.n && !value_is_token(f->subject_header))
		draft_fault(d, s,
			    "\"%.*s\" cannot be the name of a field; write one as in "
			    "\"X-Client-Subject\"", SHOWN(f->subject_header));
}

static void check_via(struct draft *d, const config_setting_t *group,
		      const struct conf_frontend *f)
{
	const config_setting_t *s = section_member(group, SECTION_FRONTEND, "via_limit");

	if (s && !f->via)
		draft_warn(d, s,
			   "via_limit has no effect without via; add via = true;, or remove it");
}

static void read_request_id(struct draft *d, const config_setting_t *s, struct conf_frontend *f)
{
	const config_setting_t *header;

	f->request_id.on = config_setting_is_group(s);
	if (!f->request_id.on)
		return;
	section_read(d, s, SECTION_REQUEST_ID, &f->request_id);
	header = section_member(s, SECTION_REQUEST_ID, "header");
	f->request_id.line = syntax_line(header ? header : s);
	if (value_is_token(f->request_id.header))
		return;
	draft_fault(d, header, "\"%.*s\" is no name of a field; write one as in \"X-Request-ID\"",
		    SHOWN(f->request_id.header));
	f->request_id.on = false;
}

static void read_timeouts(struct draft *d, const config_setting_t *s, struct conf_frontend *f)
{
	section_read(d, s, SECTION_FRONTEND_TIMEOUTS, &f->timeouts);
	if (f->mode == CONF_MODE_TCP)
		section_check_tcp(d, s, SECTION_FRONTEND_TIMEOUTS);
}

static const struct {
	const char *name;
	void (*build)(struct draft *d, const config_setting_t *s, struct conf_frontend *f);
} parts[] = {
	{ "timeouts", read_timeouts }, { "bind", build_binds },
	{ "acls", build_acls },        { "routes", build_routes },
	{ "relax", read_relax },       { "trusted_proxies", build_trusted },
	{ "limits", build_limits },    { "expect", build_expects },
	{ "request_id", read_request_id },
};

static void build_frontend(struct draft *d, const config_setting_t *group, struct conf_frontend *f)
{
	f->line = syntax_line(group);
	f->timeouts = d->timeouts;
	section_defaults(d, SECTION_FRONTEND, f);
	section_defaults(d, SECTION_REQUEST_ID, &f->request_id);
	f->request_id.on = true;
	section_read(d, group, SECTION_FRONTEND, f);
	if (f->mode == CONF_MODE_TCP)
		section_check_tcp(d, group, SECTION_FRONTEND);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const config_setting_t *s = section_member(group, SECTION_FRONTEND, parts[i].name);

		if (s)
			parts[i].build(d, s, f);
	}
	build_headers(d, section_member(group, SECTION_FRONTEND, "request_headers"),
		      &f->request_headers);
	build_headers(d, section_member(group, SECTION_FRONTEND, "response_headers"),
		      &f->response_headers);
	build_errors(d, section_member(group, SECTION_FRONTEND, "errors"), &f->errors);
	read_default_backend(d, group, f);
	check_proxy_protocols(d, group);
	check_via(d, group, f);
	check_subject(d, group, f);
	check_frontend_name(d, group, f);
}

void build_frontends(struct draft *d, const config_setting_t *list)
{
	unsigned n = (unsigned)config_setting_length(list);
	struct conf *conf = d->conf;

	if (n == 0)
		draft_fault(d, list,
			    "no frontend at all: nothing would be served; add one, as in "
			    "( { name = \"web\"; bind = ( \"*:80\" ); } )");
	if (n > CONF_MAX_FRONTENDS) {
		draft_fault(d, list,
			    "%u frontends are too many for this version; write %d at most", n,
			    CONF_MAX_FRONTENDS);
		return;
	}
	conf->frontends = draft_array(d, n, sizeof(*conf->frontends));
	for (unsigned i = 0; conf->frontends && i < n; i++) {
		const config_setting_t *e = config_setting_get_elem(list, i);

		if (config_setting_is_group(e))
			build_frontend(d, e, &conf->frontends[conf->n_frontends++]);
	}
}
