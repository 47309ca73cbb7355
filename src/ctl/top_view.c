#include "ctl/top_view.h"

#include <string.h>

const char *top_sort_name(enum top_sort sort)
{
	static const char *const names[TOP_SORTS] = {"file",   "requests", "active", "queue",
						     "errors", "state",    "name"};

	return names[sort % TOP_SORTS];
}

/* Enter keeps what was typed, Escape forgets it. */
static void type(struct top_view *v, int key)
{
	size_t n = strlen(v->filter);

	if (key == TOP_KEY_ENTER) {
		v->typing = false;
	} else if (key == TOP_KEY_ESCAPE) {
		v->typing = false;
		v->filter[0] = '\0';
	} else if (key == TOP_KEY_BACKSPACE) {
		if (n)
			v->filter[n - 1] = '\0';
	} else if (key > ' ' && key < TOP_KEY_BACKSPACE && n + 1 < sizeof(v->filter)) {
		v->filter[n] = (char)key;
		v->filter[n + 1] = '\0';
	}
	v->offset = 0;
}

static unsigned last_offset(const struct top_view *v)
{
	return v->lines > v->page ? v->lines - v->page : 0;
}

static void move(struct top_view *v, int key)
{
	unsigned most = last_offset(v), page = v->page > 1 ? v->page - 1 : 1;

	if (key == TOP_KEY_UP || key == 'k')
		v->offset -= v->offset > 0;
	else if (key == TOP_KEY_DOWN || key == 'j')
		v->offset++;
	else if (key == TOP_KEY_PAGE_UP)
		v->offset -= v->offset < page ? v->offset : page;
	else if (key == TOP_KEY_PAGE_DOWN || key == ' ')
		v->offset += page;
	else if (key == TOP_KEY_HOME || key == 'g')
		v->offset = 0;
	else if (key == TOP_KEY_END || key == 'G')
		v->offset = most;
	if (v->offset > most)
		v->offset = most;
}

static void escape(struct top_view *v)
{
	if (!v->help)
		v->filter[0] = '\0';
	v->help = false;
	v->offset = 0;
}

bool top_view_key(struct top_view *v, int key)
{
	if (v->typing) {
		type(v, key);
		return true;
	}
	switch (key) {
	case 'q':
	case 'Q':
		return false;
	case 's':
		v->sort = (enum top_sort)((v->sort + 1) % TOP_SORTS);
		break;
	case 'S':
		v->sort = (enum top_sort)((v->sort + TOP_SORTS - 1) % TOP_SORTS);
		break;
	case 'r':
		v->reverse = !v->reverse;
		break;
	case 'p':
		v->paused = !v->paused;
		break;
	case '/':
		v->typing = true;
		v->help = false;
		break;
	case '?':
	case 'h':
		v->help = !v->help;
		v->offset = 0;
		break;
	case TOP_KEY_ESCAPE:
		escape(v);
		break;
	default:
		move(v, key);
		break;
	}
	return true;
}
