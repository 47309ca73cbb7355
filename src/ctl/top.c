/* The shell of `top`: ncurses, the clock, signals. What is shown is made in ctl/top_screen. */
#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "conf/value.h"
#include "ctl/commands.h"
#include "ctl/terminal.h"
#include "ctl/top_screen.h"

#define INTERVAL_US (2 * CLOCK_SEC)
#define INTERVAL_LEAST_US (100 * CLOCK_MS)
#define INTERVAL_MOST_US (3600 * CLOCK_SEC)
/* Rates need a second look; that is not waited for as long as for the later ones. */
#define FIRST_US (500 * CLOCK_MS)
/* While it is waited for the daemon no key is read. */
#define ANSWER_MS 2000
#define ESCAPE_MS 25

struct top {
	const struct call *call;
	struct snapshot *before, *now;
	struct top_view view;
	uint64_t taken_us, next_us;
	char why[CLIENT_WHY]; /* of the last look; view.lost is this, or NULL */
	SCREEN *screen;
	bool utf8;
	sigset_t waiting; /* the mask in which signals come through */
};

static volatile sig_atomic_t ended_by, to_stop;

static void on_end(int sig)
{
	ended_by = sig;
}

static void on_stop(int sig)
{
	(void)sig;
	to_stop = 1;
}

/* ---- drawing ---- */

static const struct {
	short color;
	attr_t bright; /* without colors, and with them as well */
} looks[TOP_LOOKS] = {
	[TOP_PLAIN] = {-1, A_NORMAL},        [TOP_BAR] = {-1, A_REVERSE},
	[TOP_HEAD] = {COLOR_CYAN, A_BOLD},   [TOP_GOOD] = {COLOR_GREEN, A_NORMAL},
	[TOP_WARN] = {COLOR_YELLOW, A_BOLD}, [TOP_BAD] = {COLOR_RED, A_BOLD},
	[TOP_FAINT] = {-1, A_DIM},
};

static void prepare_colors(void)
{
	const char *unwanted = getenv("NO_COLOR");

	if ((unwanted && *unwanted) || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	for (short i = 0; i < TOP_LOOKS; i++)
		if (looks[i].color >= 0)
			init_pair((short)(i + 1), looks[i].color, -1);
}

static void set_look(enum top_look look)
{
	short pair = 0;

	if (looks[look].color >= 0 && has_colors())
		pair = (short)(look + 1);
	attr_set(looks[look].bright, pair, NULL);
}

/* A terminal that does not speak UTF-8 gets a '?' for each byte of it. */
static void put_text(const struct top *t, const char *text, size_t n, enum top_look look)
{
	set_look(look);
	if (t->utf8) {
		addnstr(text, (int)n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		addch((unsigned char)text[i] < 0x80 ? (unsigned char)text[i] : '?');
}

static void put_line(const struct top *t, const struct top_line *l)
{
	const char *at = l->text;
	unsigned column = 0;

	for (unsigned i = 0; i < l->n_marks; i++) {
		const struct top_mark *m = &l->marks[i];
		const char *begin = top_skip(at, m->from - column);
		const char *end = top_skip(begin, m->n);

		put_text(t, at, (size_t)(begin - at), l->look);
		put_text(t, begin, (size_t)(end - begin), m->look);
		at = end;
		column = m->from + m->n;
	}
	put_text(t, at, strlen(at), l->look);
	/* A bar goes over the whole width. */
	if (l->look == TOP_BAR)
		chgat(-1, looks[TOP_BAR].bright, 0, NULL);
}

/* False: out of memory. */
static bool draw(struct top *t)
{
	struct top_lines lines = {.line = NULL};
	int height, width;

	getmaxyx(stdscr, height, width);
	if (height < 1 || width < 1)
		return true;
	t->view.lost_us = clock_now_us() - t->taken_us;
	if (!top_screen(t->before, t->now, &t->view, (unsigned)width, (unsigned)height, &lines))
		return false;
	erase();
	for (size_t i = 0; i < lines.n; i++) {
		move((int)i, 0);
		clrtoeol();
		put_line(t, &lines.line[i]);
	}
	refresh();
	top_lines_free(&lines);
	return true;
}

/* ---- looking ---- */

static void look(struct top *t)
{
	struct snapshot *s = NULL;
	enum control_exit status = call_snapshot_told(t->call, ANSWER_MS, &s, t->why);
	uint64_t now = clock_now_us();

	t->next_us = now + (t->before ? t->view.interval_us : FIRST_US);
	t->view.lost = status == CONTROL_DONE ? NULL : t->why;
	if (status != CONTROL_DONE)
		return;
	snapshot_free(t->before);
	t->before = t->now;
	t->now = s;
	t->taken_us = now;
}

/* ---- keys ---- */

static int key_of(int key)
{
	switch (key) {
	case KEY_UP:
		return TOP_KEY_UP;
	case KEY_DOWN:
		return TOP_KEY_DOWN;
	case KEY_PPAGE:
		return TOP_KEY_PAGE_UP;
	case KEY_NPAGE:
		return TOP_KEY_PAGE_DOWN;
	case KEY_HOME:
		return TOP_KEY_HOME;
	case KEY_END:
		return TOP_KEY_END;
	case KEY_ENTER:
	case '\r':
		return TOP_KEY_ENTER;
	case KEY_BACKSPACE:
	case '\b':
		return TOP_KEY_BACKSPACE;
	default:
		return key < 256 ? key : TOP_KEY_OTHER;
	}
}

/* All that were typed. False: one of them was to end it. */
static bool read_keys(struct top *t)
{
	bool paused = t->view.paused;
	int key;

	while ((key = getch()) != ERR)
		if (key != KEY_RESIZE && !top_view_key(&t->view, key_of(key)))
			return false;
	if (paused && !t->view.paused)
		t->next_us = 0;
	return true;
}

/* Until there is a key, a signal, or something to look at. False: the terminal is gone. */
static bool wait_for_something(const struct top *t)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	uint64_t now = clock_now_us(), left = t->next_us > now ? t->next_us - now : 0;
	struct timespec time = {(time_t)(left / CLOCK_SEC), (long)(left % CLOCK_SEC) * 1000};

	if (ppoll(&p, 1, t->view.paused ? NULL : &time, &t->waiting) <= 0)
		return true;
	return !(p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

/* ---- the terminal ---- */

static void catch_signals(struct top *t)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {.sa_handler = on_end}, stop = {.sa_handler = on_stop};
	sigset_t held;

	sigemptyset(&held);
	sigaddset(&held, SIGWINCH);
	sigaddset(&held, SIGTSTP);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		sigaction(ends[i], &action, NULL);
		sigaddset(&held, ends[i]);
	}
	sigaction(SIGTSTP, &stop, NULL);
	/* They come while it is waited, and never between a look at them and that. */
	sigprocmask(SIG_BLOCK, &held, &t->waiting);
}

static enum control_exit complain_terminal(enum terminal_kind kind)
{
	const char *name = getenv("TERM");

	name = name ? name : "";
	if (kind == TERMINAL_DUMB)
		return call_complain(CONTROL_REFUSED,
				     "the terminal \"%s\" cannot move its cursor, so top cannot "
				     "draw in it; status prints one screen",
				     name);
	return call_complain(CONTROL_REFUSED,
			     "top does not know the terminal \"%s\"; set TERM to one that is "
			     "known, as in TERM=xterm",
			     name);
}

static enum control_exit open_screen(struct top *t)
{
	enum terminal_kind kind = terminal_kind();

	if (kind != TERMINAL_GOOD)
		return complain_terminal(kind);
	setlocale(LC_CTYPE, "");
	t->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	t->screen = newterm(NULL, stdout, stdin);
	if (!t->screen)
		return call_complain(CONTROL_REFUSED, "top cannot prepare the terminal: %s",
				     strerror(errno));
	set_escdelay(ESCAPE_MS);
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	prepare_colors();
	catch_signals(t);
	return CONTROL_DONE;
}

/* ^Z: the terminal is the shell's until it says to go on. The handler that ncurses has for that
 * draws in the signal. */
static void stop_here(void)
{
	struct sigaction ours = {.sa_handler = on_stop}, usual = {.sa_handler = SIG_DFL};
	sigset_t one;

	to_stop = 0;
	endwin();
	sigaction(SIGTSTP, &usual, NULL);
	raise(SIGTSTP);
	sigemptyset(&one);
	sigaddset(&one, SIGTSTP);
	sigprocmask(SIG_UNBLOCK, &one, NULL); /* here it stands still */
	sigprocmask(SIG_BLOCK, &one, NULL);
	sigaction(SIGTSTP, &ours, NULL);
}

static void close_screen(struct top *t)
{
	endwin();
	delscreen(t->screen);
}

/* False: out of memory. */
static bool go_on(struct top *t)
{
	while (!ended_by) {
		if (!t->view.paused && clock_now_us() >= t->next_us)
			look(t);
		if (!draw(t))
			return false;
		if (!wait_for_something(t))
			break;
		if (to_stop)
			stop_here();
		else if (!read_keys(t))
			break;
	}
	return true;
}

/* ---- the command ---- */

static bool read_interval(const struct call *c, uint64_t *us, enum control_exit *status)
{
	*us = INTERVAL_US;
	if (!c->interval)
		return true;
	if (value_quantity(value_durations, str_of(c->interval), us) != VALUE_OK)
		*status = call_complain_time("--interval", c->interval);
	else if (*us < INTERVAL_LEAST_US || *us > INTERVAL_MOST_US)
		*status = call_complain(CONTROL_USAGE,
					"--interval \"%s\" is out of range; it is 100ms to 1h",
					c->interval);
	else
		return true;
	return false;
}

/* Who sent a signal is to see that it ended by that; ^C is a way to leave. */
static void end_by_signal(void)
{
	sigset_t all;

	if (!ended_by || ended_by == SIGINT)
		return;
	signal(ended_by, SIG_DFL);
	raise(ended_by);
	sigemptyset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

enum control_exit ctl_top(const struct call *c)
{
	struct top t = {.call = c, .view = {.sort = TOP_BY_FILE}};
	enum control_exit status;
	bool good;

	if (!read_interval(c, &t.view.interval_us, &status))
		return status;
	if (!isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO))
		return call_complain(
			CONTROL_USAGE,
			"top needs a terminal, and standard %s is none; status prints "
			"one screen",
			isatty(STDOUT_FILENO) ? "input" : "output");
	status = call_snapshot(c, &t.now);
	if (status != CONTROL_DONE)
		return status;
	t.taken_us = clock_now_us();
	t.next_us = t.taken_us + FIRST_US;
	status = open_screen(&t);
	if (status == CONTROL_DONE) {
		good = go_on(&t);
		close_screen(&t);
		if (!good)
			status = call_complain(CONTROL_REFUSED, "out of memory");
	}
	snapshot_free(t.before);
	snapshot_free(t.now);
	end_by_signal();
	return status;
}
