#include "supervisor/filewatch.h"

/* False: one is not there, as while somebody puts another in its place. */
static bool look(const struct manifest *m, uint64_t *sum, const char **changed)
{
	*sum = 0;
	*changed = NULL;
	for (uint32_t i = 0; i < m->n_files; i++) {
		const struct manifest_file *f = &m->files[i];
		struct stat st;
		uint64_t stamp;

		if (stat(f->path, &st) != 0)
			return false;
		stamp = manifest_stamp(&st);
		*sum = hash_pair(*sum, stamp);
		if (!*changed && stamp != f->stamp)
			*changed = f->path;
	}
	return true;
}

const char *filewatch_look(struct filewatch *w, const struct manifest *m, uint64_t now)
{
	const char *changed;
	uint64_t sum;
	bool stays;

	if (!m->n_files || now < w->next)
		return NULL;
	w->next = now + FILEWATCH_US;
	if (!look(m, &sum, &changed) || !changed) {
		w->pending = 0;
		return NULL;
	}
	stays = sum == w->pending;
	w->pending = sum;
	if (!stays || sum == w->told)
		return NULL;
	w->told = sum;
	return changed;
}
