#include "ipc/brief.h"

#include <sys/mman.h>

#include "ipc/sealed.h"

int brief_write(struct brief *b)
{
	struct str part = {(const char *)b, sizeof(*b)};

	b->magic = BRIEF_MAGIC;
	b->layout = BRIEF_LAYOUT;
	return sealed_make("hpcbal-brief", &part, 1);
}

static bool text_ends(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool ip_fits(const struct brief_ip *ip, bool ipv6)
{
	return ip->size == (ipv6 ? 16 : 4);
}

static const char *addresses_wrong(const struct brief_router *r)
{
	unsigned most = r->ipv6 ? 128 : 32;

	if (r->n_addresses == 0 || r->n_addresses > BRIEF_ADDRESSES)
		return "a virtual router has no address, or too many";
	for (uint32_t i = 0; i < r->n_addresses; i++) {
		const struct brief_address *a = &r->addresses[i];

		if (!ip_fits(&a->ip, r->ipv6) || a->prefix > most || a->advertised > 1 ||
		    !text_ends(a->text, sizeof(a->text)))
			return "an address of a virtual router is none";
		if (i && a->advertised > a[-1].advertised)
			return "addresses of a virtual router are out of order";
	}
	return r->addresses[0].advertised ? NULL : "a virtual router advertises no address";
}

static const char *peers_wrong(const struct brief_router *r)
{
	if (r->n_peers > BRIEF_PEERS || (r->unicast && (!r->n_peers || r->ipv6)))
		return "the peers of a virtual router cannot be";
	if (r->unicast_source.size && !ip_fits(&r->unicast_source, r->ipv6))
		return "the source of a virtual router is no address";
	for (uint32_t i = 0; i < r->n_peers; i++)
		if (!ip_fits(&r->peers[i], r->ipv6))
			return "a peer of a virtual router is no address";
	return NULL;
}

static const char *tracks_wrong(const struct brief_router *r)
{
	if (r->n_tracks > BRIEF_TRACKS)
		return "a virtual router tracks too much";
	for (uint32_t i = 0; i < r->n_tracks; i++) {
		const struct brief_track *t = &r->tracks[i];

		if (t->kind > BRIEF_TRACK_BACKEND || t->weight < -254 || t->weight > 254 ||
		    !t->rise || !t->fall || !text_ends(t->name, sizeof(t->name)) ||
		    (t->kind == BRIEF_TRACK_SCRIPT) != (t->program != BRIEF_NONE))
			return "what a virtual router tracks cannot be";
	}
	return NULL;
}

static const char *router_wrong(const struct brief_router *r)
{
	const char *why;

	if (!text_ends(r->name, sizeof(r->name)) || !text_ends(r->interface, sizeof(r->interface)))
		return "a text of a virtual router has no end";
	if (r->version < 2 || r->version > 3 || !r->vrid || r->priority < 2 || !r->interval_us ||
	    r->ipv6 > 1 || (r->ipv6 && r->version == 2))
		return "a virtual router's protocol cannot be";
	why = addresses_wrong(r);
	why = why ? why : peers_wrong(r);
	return why ? why : tracks_wrong(r);
}

const struct brief *brief_map(int fd, const char **why)
{
	const struct brief *b = sealed_map(fd, sizeof(*b), sizeof(*b), NULL, why);

	if (!b)
		return NULL;
	if (b->magic != BRIEF_MAGIC || b->layout != BRIEF_LAYOUT)
		*why = "it is no brief of this version";
	else if (b->n_routers > BRIEF_ROUTERS)
		*why = "there are too many virtual routers in it";
	for (uint32_t i = 0; !*why && i < b->n_routers; i++)
		*why = router_wrong(&b->routers[i]);
	if (!*why)
		return b;
	brief_unmap(b);
	return NULL;
}

void brief_unmap(const struct brief *b)
{
	munmap((void *)(uintptr_t)b, sizeof(*b));
}
