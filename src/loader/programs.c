#include "loader/programs.h"

#include "loader/program.h"

static void judge(struct programs_list *l, const char *path, unsigned line)
{
	char why[PROGRAM_WHY];

	switch (program_judge(path, why)) {
	case PROGRAM_BAD:
		diag_add(l->diags, l->source, DIAG_ERROR, line, "\"%s\" cannot be run: %s", path,
			 why);
		break;
	case PROGRAM_DOUBTFUL:
		diag_add(l->diags, l->source, DIAG_WARNING, line, "\"%s\": %s", path, why);
		break;
	case PROGRAM_GOOD:
		break;
	}
}

static bool same_program(const struct manifest_program *a, const struct manifest_program *b)
{
	return a->kind == b->kind && a->interval_us == b->interval_us &&
	       a->timeout_us == b->timeout_us && strcmp(a->path, b->path) == 0;
}

uint32_t programs_add(struct programs_list *l, struct manifest_program *p, struct str path,
		      unsigned line)
{
	struct manifest *m = l->m;

	if (path.n == 0 || path.p[0] != '/' || !str_copy(p->path, sizeof(p->path), path))
		return PROGRAMS_NONE; /* conf/ said so */
	for (uint32_t i = 0; i < m->n_programs; i++)
		if (same_program(&m->programs[i], p))
			return i;
	judge(l, p->path, line);
	if (m->n_programs == MANIFEST_PROGRAMS) {
		if (!l->full)
			diag_add(
				l->diags, l->source, DIAG_ERROR, line,
				"more than %d different scripts, external checks and notification "
				"programs are too many for this version; let instances and "
				"servers share them, with the same times",
				MANIFEST_PROGRAMS);
		l->full = true;
		return PROGRAMS_NONE;
	}
	m->programs[m->n_programs] = *p;
	return m->n_programs++;
}
