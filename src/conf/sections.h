/* A conf_source as bytes, for the bundle: what the loader read travels to the children,
 * who parse it again with the same code and open no file. */
#ifndef HPCBAL_CONF_SECTIONS_H
#define HPCBAL_CONF_SECTIONS_H

#include "conf/conf.h"

/* In `arena`; STR_NONE when memory ran out. */
struct str conf_source_encode(const struct conf_source *source, struct arena *arena);
/* The spans of `source` point into `bytes`, its tables are in `arena`. False: not such
 * bytes (every count and end is checked). */
bool conf_source_decode(struct str bytes, struct arena *arena, struct conf_source *source);
/* The same of the secrets alone, for the keyring that only the proxy gets. */
struct str conf_secrets_encode(const struct conf_source *source, struct arena *arena);
bool conf_secrets_decode(struct str bytes, struct arena *arena, struct conf_source *source);

#endif
