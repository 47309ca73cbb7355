/* The command line to a running daemon: finds the command's row, carries it out. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/demote.h"
#include "admin/follow.h"
#include "admin/sessions.h"
#include "base/clock.h"
#include "conf/value.h"
#include "ctl/commands.h"
#include "loader/loader.h"

#define DEFAULT_SOCKET HPCBAL_RUNSTATEDIR "/hpcbal/control.sock"
#define DEFAULT_CONFIG HPCBAL_SYSCONFDIR "/hpcbal.conf"

/* A reload waits for children that check and prepare, a demotion for another node, for up to
 * four of the longest intervals. */
#define RELOAD_TIMEOUT_MS 120000
#define DEMOTE_TIMEOUT_MS 1100000
#define FOLLOW_EVERY_US 300000

static enum control_exit run_status(const struct call *c)
{
	struct snapshot *s = NULL;
	enum control_exit status = call_snapshot(c, &s);
	bool good;

	if (status != CONTROL_DONE)
		return status;
	good = c->json ? snapshot_json_status(s, stdout) : snapshot_print_status(s, stdout);
	snapshot_free(s);
	return good ? CONTROL_DONE : call_complain(CONTROL_REFUSED, "out of memory");
}

/* Of all, or of the one that is named. */
static enum control_exit run_listing(const struct call *c,
				     bool (*print)(const struct snapshot *s, const char *name,
						   FILE *out, char *why, size_t why_size))
{
	struct snapshot *s = NULL;
	enum control_exit status = call_snapshot(c, &s);
	char why[CLIENT_WHY];
	bool good;

	if (status != CONTROL_DONE)
		return status;
	good = print(s, c->argc ? c->argv[0] : NULL, stdout, why, sizeof(why));
	snapshot_free(s);
	return good ? CONTROL_DONE : call_complain(CONTROL_REFUSED, "%s", why);
}

static enum control_exit run_servers(const struct call *c)
{
	return run_listing(c, c->json ? snapshot_json_servers : snapshot_print_servers);
}

static enum control_exit run_vrrp(const struct call *c)
{
	return run_listing(c, c->json ? snapshot_json_vrrp : snapshot_print_vrrp);
}

static enum control_exit run_metrics(const struct call *c)
{
	struct snapshot *s = NULL;
	enum control_exit status = call_snapshot(c, &s);

	if (status != CONTROL_DONE)
		return status;
	snapshot_print_metrics(s, stdout);
	snapshot_free(s);
	return CONTROL_DONE;
}

static enum control_exit run_reload(const struct call *c)
{
	char word[] = "reload", *words[] = {word};

	return call_ask(c, words, 1, RELOAD_TIMEOUT_MS, NULL);
}

static enum control_exit run_upgrade(const struct call *c)
{
	char word[] = "upgrade", *words[] = {word};

	return call_ask(c, words, 1, RELOAD_TIMEOUT_MS, NULL);
}

/* Steps say which virtual router they are of, unless there is only one. */
static enum demote_form form_of(const struct call *c, const struct snapshot *s)
{
	if (c->json)
		return DEMOTE_JSON;
	return c->argc || snapshot_routers(s) < 2 ? DEMOTE_TEXT : DEMOTE_NAMED;
}

/* Demote and promote: sends the words, tells the steps. */
static enum control_exit ask_vrrp(const struct call *c, char *const *words, int n)
{
	struct client_request q = {.socket = c->socket,
				   .argc = n,
				   .argv = words,
				   .timeout_ms = DEMOTE_TIMEOUT_MS,
				   .out = stdout,
				   .err = stderr,
				   .tell = demote_tell};
	struct snapshot *s = NULL;
	enum control_exit status = call_snapshot(c, &s);
	char why[CLIENT_WHY];
	bool good;

	if (status != CONTROL_DONE)
		return status;
	q.arg = demote_new(form_of(c, s), stdout, stderr);
	snapshot_free(s);
	if (!q.arg)
		return call_complain(CONTROL_REFUSED, "out of memory");
	status = client_ask(&q, NULL, why);
	good = demote_finish(q.arg);
	demote_free(q.arg);
	if (*why)
		return call_complain(status, "%s", why);
	return good ? status : call_complain(CONTROL_REFUSED, "out of memory");
}

static enum control_exit run_demotion(const struct call *c)
{
	char instance[CONTROL_REQUEST_MAX / 2], time[64], force[] = "force";
	char *words[4] = {(char *)(uintptr_t)c->command->name};
	enum control_exit status;
	uint64_t us;
	int n = 1;

	if (c->argc) {
		if (strlen(c->argv[0]) > sizeof(instance) - sizeof("instance="))
			return call_complain(CONTROL_USAGE,
					     "the name of the instance is too long");
		snprintf(instance, sizeof(instance), "instance=%s", c->argv[0]);
		words[n++] = instance;
	}
	if (!call_for(c, &us, &status))
		return status;
	if (us) {
		snprintf(time, sizeof(time), "for=%" PRIu64, us);
		words[n++] = time;
	}
	if (c->force)
		words[n++] = force;
	return ask_vrrp(c, words, n);
}

/* ---- sessions and kill ---- */

#define SESSIONS_WORDS 4

/* The words that name what is meant. */
struct meant {
	char *words[SESSIONS_WORDS];
	int n;
	char backend[CONTROL_REQUEST_MAX / 4], server[CONTROL_REQUEST_MAX / 4], more[64];
};

/* BACKEND or BACKEND/SERVER. False: the text is none of them. */
static bool add_place(struct meant *m, const char *text)
{
	const char *slash = strchr(text, '/');
	int front = slash ? (int)(slash - text) : (int)strlen(text);

	if (front == 0 || strlen(text) >= sizeof(m->server) - sizeof("backend=") ||
	    (slash && (slash[1] == '\0' || strchr(slash + 1, '/'))))
		return false;
	snprintf(m->backend, sizeof(m->backend), "backend=%.*s", front, text);
	m->words[m->n++] = m->backend;
	if (!slash)
		return true;
	snprintf(m->server, sizeof(m->server), "server=%s", slash + 1);
	m->words[m->n++] = m->server;
	return true;
}

static void add_more(struct meant *m)
{
	m->words[m->n++] = m->more;
}

static enum control_exit ask_sessions(const struct call *c, struct meant *m,
				      struct sessions **answer)
{
	struct client_request q = {.socket = c->socket,
				   .argc = m->n,
				   .argv = m->words,
				   .timeout_ms = CALL_TIMEOUT_MS,
				   .out = stdout,
				   .err = stderr,
				   .tell = sessions_tell};
	enum control_exit status;
	char why[CLIENT_WHY];

	q.arg = *answer = sessions_new();
	if (!q.arg)
		return call_complain(CONTROL_REFUSED, "out of memory");
	status = client_ask(&q, NULL, why);
	return *why ? call_complain(status, "%s", why) : status;
}

static enum control_exit run_sessions(const struct call *c)
{
	struct meant m = {.words = {(char *)(uintptr_t)c->command->name}, .n = 1};
	struct sessions *answer = NULL;
	enum control_exit status;
	uint64_t us;

	if (c->argc && !add_place(&m, c->argv[0]))
		return call_complain(CONTROL_USAGE, "\"%s\" is no BACKEND and no BACKEND/SERVER",
				     c->argv[0]);
	if (c->older) {
		if (value_quantity(value_durations, str_of(c->older), &us) != VALUE_OK || !us)
			return call_complain_time("--older", c->older);
		snprintf(m.more, sizeof(m.more), "age=%" PRIu64, us);
		add_more(&m);
	}
	status = ask_sessions(c, &m, &answer);
	if (status == CONTROL_DONE && !sessions_print(answer, c->json, stdout))
		status = call_complain(CONTROL_REFUSED, "out of memory");
	sessions_free(answer);
	return status;
}

static enum control_exit run_kill(const struct call *c)
{
	struct meant m = {.words = {(char *)(uintptr_t)c->command->name}, .n = 1};
	struct sessions *answer = NULL;
	enum control_exit status;

	if ((c->argc != 0) == (c->server != NULL))
		return call_complain(CONTROL_USAGE, "kill takes the ID of a session, or --server "
						    "BACKEND/SERVER; sessions shows both");
	if (c->server && (!strchr(c->server, '/') || !add_place(&m, c->server)))
		return call_complain(CONTROL_USAGE, "--server \"%s\" is no BACKEND/SERVER",
				     c->server);
	if (c->argc) {
		if (strlen(c->argv[0]) >= sizeof(m.more) - sizeof("id="))
			return call_complain(CONTROL_USAGE, "\"%s\" is no ID; sessions shows them",
					     c->argv[0]);
		snprintf(m.more, sizeof(m.more), "id=%s", c->argv[0]);
		add_more(&m);
	}
	status = ask_sessions(c, &m, &answer);
	if (status == CONTROL_DONE && !sessions_print_killed(answer, c->json, stdout))
		status = call_complain(CONTROL_REFUSED, "out of memory");
	sessions_free(answer);
	return status;
}

/* ---- limits ---- */

#define LIMITS_WORDS 5

static const struct limits_verb {
	const char *name, *arguments;
	int least, most; /* words behind it */
	bool takes_for;
} limits_verbs[] = {
	{"clear", "[LIMIT] [KEY]", 0, 2, false},
	{"exempt", "KEY [LIMIT] [--for TIME]", 1, 2, true},
	{"enforce", "KEY [LIMIT]", 1, 2, false},
};

static const struct limits_verb *find_limits_verb(const char *word)
{
	for (size_t i = 0; i < sizeof(limits_verbs) / sizeof(limits_verbs[0]); i++)
		if (strcmp(limits_verbs[i].name, word) == 0)
			return &limits_verbs[i];
	return NULL;
}

/* An empty word would get lost on the way, and leave "all" behind. */
static bool has_empty_word(const struct call *c)
{
	for (int i = 0; i < c->argc; i++)
		if (!*c->argv[i])
			return true;
	return false;
}

/* limits exempt has its time in front of the key. */
static enum control_exit change_limits(const struct call *c, const struct limits_verb *v)
{
	char *words[LIMITS_WORDS] = {(char *)(uintptr_t)c->command->name, c->argv[0]}, time[32];
	enum control_exit status;
	uint64_t us;
	int n = 2;

	if (c->argc - 1 < v->least || c->argc - 1 > v->most || has_empty_word(c))
		return call_complain(CONTROL_USAGE, "usage: hpcbalctl limits %s %s", v->name,
				     v->arguments);
	if (c->json || (c->for_time && !v->takes_for))
		return call_complain(CONTROL_USAGE, "limits %s takes no --%s", v->name,
				     c->json ? "json" : "for");
	if (!call_for(c, &us, &status))
		return status;
	if (v->takes_for) {
		snprintf(time, sizeof(time), "%" PRIu64, us);
		words[n++] = time;
	}
	for (int i = 1; i < c->argc; i++)
		words[n++] = c->argv[i];
	return call_ask(c, words, n, CALL_TIMEOUT_MS, NULL);
}

static enum control_exit run_limits(const struct call *c)
{
	const struct limits_verb *v = c->argc ? find_limits_verb(c->argv[0]) : NULL;

	if (v)
		return change_limits(c, v);
	if (c->argc > 1)
		return call_complain(CONTROL_USAGE,
				     "\"%s\" is too much; usage: hpcbalctl limits "
				     "[LIMIT], or limits with clear, exempt or enforce",
				     c->argv[1]);
	if (c->for_time)
		return call_complain(CONTROL_USAGE, "limits takes --for with exempt only");
	return run_listing(c, c->json ? snapshot_json_limits : snapshot_print_limits);
}

/* ---- events ---- */

/* The daemon gives the whole list; `text` is the caller's to free, and `why` as client_ask() has
 * it. */
static enum control_exit ask_events(const struct call *c, char **text, size_t *n, char *why)
{
	char word[] = "events", *words[] = {word};
	struct client_request q = {.socket = c->socket,
				   .argc = 1,
				   .argv = words,
				   .timeout_ms = CALL_TIMEOUT_MS,
				   .err = stderr};
	enum control_exit status;

	*text = NULL;
	*n = 0;
	q.out = open_memstream(text, n);
	if (!q.out) {
		snprintf(why, CLIENT_WHY, "out of memory");
		return CONTROL_REFUSED;
	}
	status = client_ask(&q, NULL, why);
	fclose(q.out);
	return status;
}

static enum control_exit print_events_json(const struct call *c)
{
	struct snapshot *s = NULL;
	enum control_exit status;
	bool good;

	if (c->follow)
		return call_complain(CONTROL_USAGE, "events takes either --json or -f");
	status = call_snapshot(c, &s);
	if (status != CONTROL_DONE)
		return status;
	good = snapshot_json_events(s, stdout);
	snapshot_free(s);
	return good ? CONTROL_DONE : call_complain(CONTROL_REFUSED, "out of memory");
}

/* What was printed, and whether that daemon is gone. */
struct following {
	char *before; /* owned */
	size_t n;
	bool begun, lost;
};

/* One that went away is waited for, as whoever follows would have to do by hand: it may be on its
 * way back. One that refuses is not. */
static enum control_exit follow_on(const struct call *c, struct following *f)
{
	char why[CLIENT_WHY], *now;
	enum control_exit status;
	struct str fresh;
	size_t n;

	status = ask_events(c, &now, &n, why);
	if (status == CONTROL_DONE && now) {
		fresh = follow_new((struct str){f->before, f->n}, (struct str){now, n});
		fwrite(fresh.p, 1, fresh.n, stdout);
		free(f->before);
		f->before = now;
		f->n = n;
		f->begun = true;
		if (f->lost)
			call_complain(status, "the daemon at %s answers again", c->socket);
		f->lost = false;
		return status;
	}
	free(now);
	if (!*why)
		return status;
	if (!f->begun || !c->follow)
		return call_complain(status, "%s", why);
	if (!f->lost)
		call_complain(status, "%s; it is waited for", why);
	f->lost = true;
	return CONTROL_DONE;
}

static enum control_exit run_events(const struct call *c)
{
	struct following f = {.before = NULL};
	enum control_exit status;

	if (c->json)
		return print_events_json(c);
	while ((status = follow_on(c, &f)) == CONTROL_DONE && c->follow && fflush(stdout) == 0)
		usleep(FOLLOW_EVERY_US);
	free(f.before);
	return status;
}

/* A good file's line belongs to standard output, mistakes to standard error. */
static enum control_exit check_file(const char *path)
{
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	int status;

	if (!f)
		return call_complain(CONTROL_REFUSED, "out of memory");
	status = loader_check(path, f);
	fclose(f);
	if (text)
		fwrite(text, 1, n, status ? stderr : stdout);
	free(text);
	return status ? CONTROL_REFUSED : CONTROL_DONE;
}

/* Without a name: the file of the daemon that runs, since that is what a reload would read. */
static enum control_exit run_check(const struct call *c)
{
	struct snapshot *s = c->argc ? NULL : call_snapshot_quietly(c);
	const char *path = c->argc ? c->argv[0] : DEFAULT_CONFIG;
	enum control_exit status;

	if (s && *snapshot_config_file(s))
		path = snapshot_config_file(s);
	status = check_file(path);
	snapshot_free(s);
	return status;
}

static enum control_exit run_version(const struct call *c)
{
	struct snapshot *s = call_snapshot_quietly(c);
	bool good = true;

	if (c->json) {
		good = snapshot_json_version(s, PACKAGE_VERSION, stdout);
	} else {
		puts("hpcbalctl " PACKAGE_VERSION);
		if (s)
			printf("hpcbald   %s at %s\n", snapshot_version(s), c->socket);
		else
			printf("hpcbald   does not answer at %s\n", c->socket);
	}
	snapshot_free(s);
	return good ? CONTROL_DONE : call_complain(CONTROL_REFUSED, "out of memory");
}

static const struct command commands[] = {
	{"status", "", "one screen: what runs, and what is wrong", 0, TAKES_JSON, run_status},
	{"servers", "[BACKEND[/SERVER]]", "a row a server: state, load, last check and why", 1,
	 TAKES_JSON, run_servers},
	{"vrrp", "[INSTANCE]", "a block a virtual router: state, peers, trackers, counters", 1,
	 TAKES_JSON, run_vrrp},
	{"demote", "[INSTANCE]", "gives MASTER to another node, and says how that went", 1,
	 TAKES_JSON | TAKES_FOR | TAKES_FORCE, run_demotion},
	{"promote", "[INSTANCE]", "ends a demotion", 1, TAKES_JSON, run_demotion},
	{"sessions", "[BACKEND[/SERVER]]", "tunnels, and requests that run for long, oldest first",
	 1, TAKES_JSON | TAKES_OLDER, run_sessions},
	{"kill", "ID", "ends a session; with --server all on that server", 1,
	 TAKES_JSON | TAKES_SERVER, run_kill},
	{"limits", "[LIMIT]", "the limits, who is limited now, and who is exempt", 4,
	 TAKES_JSON | TAKES_FOR, run_limits},
	{"explain", "METHOD URL", "where such a request would go, and why", 2, TAKES_REQUEST,
	 ctl_explain},
	{"reload", "", "reads the configuration again; refuses a bad one and goes on", 0, 0,
	 run_reload},
	{"upgrade", "", "starts the newly installed hpcbald; no connection is lost", 0, 0,
	 run_upgrade},
	{"check", "[FILE]", "validates a configuration, by default the daemon's", 1, 0, run_check},
	{"events", "[-f]", "what changed state and why, newest last; -f: goes on", 0,
	 TAKES_JSON | TAKES_FOLLOW, run_events},
	{"metrics", "", "what a scraper would read, in Prometheus' text format", 0, 0,
	 run_metrics},
	{"version", "", "of this program, and of the daemon if it answers", 0, TAKES_JSON,
	 run_version},
	{"drain", "BACKEND/SERVER", "no new sessions there, but of those who are bound to it", 1,
	 TAKES_OUT, ctl_take_out},
	{"maint", "BACKEND/SERVER", "nothing new goes there", 1, TAKES_OUT, ctl_take_out},
	{"ready", "BACKEND/SERVER", "ends drain or maint", 1, 0, ctl_ready},
	{"weight", "BACKEND/SERVER N", "its weight until the next reload", 2, 0, ctl_weight},
	{"top", "", "live: rates, latencies, servers, events; ? shows its keys", 0,
	 TAKES_INTERVAL, ctl_top},
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void print_help(FILE *out)
{
	fputs("usage: hpcbalctl [-s SOCKET] [--json] COMMAND\n\n", out);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(out, "  %-8s %-10s %s\n", commands[i].name, commands[i].arguments,
			commands[i].help);
	fputs("\n"
	      "  limits clear [LIMIT] [KEY]    forgets what was counted\n"
	      "  limits exempt KEY [LIMIT]     never refuses this address, network or value\n"
	      "  limits enforce KEY [LIMIT]    ends that\n"
	      "\n"
	      "  -s, --socket SOCKET  the daemon's control socket; else $HPCBAL_SOCKET, else\n"
	      "                       " DEFAULT_SOCKET "\n"
	      "      --json           status, servers, vrrp, sessions, kill, limits, events,\n"
	      "                       demote, promote, version: as one JSON document\n"
	      "      --for TIME       demote, drain, maint, limits exempt: for so long only, as\n"
	      "                       500ms, 5s, 10m\n"
	      "      --force          demote: also when no other node takes over\n"
	      "      --older TIME     sessions: only those that run for at least so long\n"
	      "      --server BACKEND/SERVER\n"
	      "                       kill: all that runs on that server\n"
	      "      --from ADDRESS   explain: the client's address\n"
	      "      --frontend NAME  explain: else of the URL's port, else the first\n"
	      "      --header \"NAME: VALUE\"\n"
	      "                       explain: a field that it has; once for each\n"
	      "      --interval TIME  top: how often it looks; else 2s\n"
	      "      --wait           drain, maint: until nothing runs there any more\n"
	      "      --why TEXT       drain, maint: for events, servers and status\n"
	      "  -h, --help           this text\n"
	      "  -V, --version        like the command version\n"
	      "\n"
	      "Exit status: 0 done, 1 refused or failed, 2 wrong usage, 3 no daemon there.\n",
	      out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static enum control_exit complain_unknown(const char *name)
{
	const char *near = NULL;
	unsigned best = 4;

	for (size_t i = 0; i < N_COMMANDS; i++) {
		unsigned distance = str_distance(str_of(name), str_of(commands[i].name));

		if (distance < best && distance < strlen(name)) {
			best = distance;
			near = commands[i].name;
		}
	}
	if (near)
		return call_complain(CONTROL_USAGE, "unknown command \"%s\"; did you mean \"%s\"?",
				     name, near);
	return call_complain(CONTROL_USAGE, "unknown command \"%s\"; --help lists them", name);
}

/* An option, whether it was given, and whose it is. */
struct belonging {
	const char *name;
	bool given;
	unsigned flag;
	const char *whose;
};

/* Complains of one that was given and is not the command's. */
static bool has_strange_option(const struct call *c)
{
	const struct belonging all[] = {
		{"--force", c->force, TAKES_FORCE, "demote"},
		{"--for", c->for_time, TAKES_FOR, "demote, drain, maint and of limits exempt"},
		{"--wait", c->wait, TAKES_WAIT, "drain and maint"},
		{"--why", c->why, TAKES_WHY, "drain and maint"},
		{"--from", c->from, TAKES_REQUEST, "explain"},
		{"--frontend", c->frontend, TAKES_REQUEST, "explain"},
		{"--header", c->n_headers, TAKES_REQUEST, "explain"},
		{"--interval", c->interval, TAKES_INTERVAL, "top"},
		{"--older", c->older, TAKES_OLDER, "sessions"},
		{"--server", c->server, TAKES_SERVER, "kill"},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!all[i].given || (c->command->flags & all[i].flag))
			continue;
		call_complain(CONTROL_USAGE, "%s takes no %s: it is an option of %s",
			      c->command->name, all[i].name, all[i].whose);
		return true;
	}
	return false;
}

static enum control_exit carry_out(const struct call *c)
{
	const struct command *k = c->command;

	if (c->argc > k->arguments_max)
		return call_complain(CONTROL_USAGE, "\"%s\" is too much; usage: hpcbalctl %s%s%s",
				     c->argv[k->arguments_max], k->name, *k->arguments ? " " : "",
				     k->arguments);
	if (c->json && !(k->flags & TAKES_JSON))
		return call_complain(CONTROL_USAGE, "%s gives no JSON", k->name);
	if (c->follow && !(k->flags & TAKES_FOLLOW))
		return call_complain(CONTROL_USAGE, "%s takes no -f", k->name);
	return has_strange_option(c) ? CONTROL_USAGE : k->run(c);
}

enum {
	OPTION_FOR = 256,
	OPTION_FORCE,
	OPTION_OLDER,
	OPTION_SERVER,
	OPTION_WAIT,
	OPTION_WHY,
	OPTION_FROM,
	OPTION_FRONTEND,
	OPTION_HEADER,
	OPTION_INTERVAL
};

static const struct option options[] = {
	{"for", required_argument, NULL, OPTION_FOR},
	{"force", no_argument, NULL, OPTION_FORCE},
	{"older", required_argument, NULL, OPTION_OLDER},
	{"server", required_argument, NULL, OPTION_SERVER},
	{"wait", no_argument, NULL, OPTION_WAIT},
	{"from", required_argument, NULL, OPTION_FROM},
	{"frontend", required_argument, NULL, OPTION_FRONTEND},
	{"header", required_argument, NULL, OPTION_HEADER},
	{"interval", required_argument, NULL, OPTION_INTERVAL},
	{"why", required_argument, NULL, OPTION_WHY},
	{"socket", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"follow", no_argument, NULL, 'f'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static enum control_exit complain_missing(const char *option)
{
	if (optopt == OPTION_FOR || optopt == OPTION_OLDER || optopt == OPTION_INTERVAL)
		return call_complain(CONTROL_USAGE, "%s takes a time, as in %s 10m", option,
				     option);
	if (optopt == OPTION_FROM)
		return call_complain(CONTROL_USAGE, "%s takes an address", option);
	if (optopt == OPTION_FRONTEND)
		return call_complain(CONTROL_USAGE, "%s takes a frontend's name", option);
	if (optopt == OPTION_HEADER)
		return call_complain(CONTROL_USAGE, "%s takes \"NAME: VALUE\"", option);
	if (optopt == OPTION_WHY)
		return call_complain(CONTROL_USAGE, "%s takes a line of text", option);
	if (optopt == OPTION_SERVER)
		return call_complain(CONTROL_USAGE, "%s takes BACKEND/SERVER", option);
	return call_complain(CONTROL_USAGE, "%s takes the path of a socket", option);
}

/* False: `status` says all. */
static bool read_options(int argc, char **argv, struct call *c, const char **bad,
			 enum control_exit *status)
{
	int option;

	opterr = 0;
	*bad = NULL;
	while ((option = getopt_long(argc, argv, ":s:fhV", options, NULL)) != -1) {
		switch (option) {
		case 's':
			c->socket = optarg;
			break;
		case 'j':
			c->json = true;
			break;
		case 'f':
			c->follow = true;
			break;
		case OPTION_FOR:
			c->for_time = optarg;
			break;
		case OPTION_FORCE:
			c->force = true;
			break;
		case OPTION_OLDER:
			c->older = optarg;
			break;
		case OPTION_SERVER:
			c->server = optarg;
			break;
		case OPTION_FROM:
			c->from = optarg;
			break;
		case OPTION_FRONTEND:
			c->frontend = optarg;
			break;
		case OPTION_HEADER:
			if (c->n_headers < CALL_HEADERS)
				c->headers[c->n_headers] = optarg;
			c->n_headers++;
			break;
		case OPTION_INTERVAL:
			c->interval = optarg;
			break;
		case OPTION_WAIT:
			c->wait = true;
			break;
		case OPTION_WHY:
			c->why = optarg;
			break;
		case 'V':
			c->command = find_command("version");
			break;
		case 'h':
			print_help(stdout);
			*status = CONTROL_DONE;
			return false;
		case ':':
			*status = complain_missing(argv[optind - 1]);
			return false;
		default:
			*bad = *bad ? *bad : argv[optind - 1];
			break;
		}
	}
	return true;
}

/* Options of commands that are not in this version are not known either, and are not what is
 * to be complained about then. */
static enum control_exit run(int argc, char **argv)
{
	const char *from_env = getenv("HPCBAL_SOCKET");
	struct call c = {.socket = from_env && *from_env ? from_env : DEFAULT_SOCKET};
	enum control_exit status;
	const char *bad;

	if (!read_options(argc, argv, &c, &bad, &status))
		return status;
	if (!c.command && optind == argc) {
		print_help(stderr);
		return CONTROL_USAGE;
	}
	if (!c.command) {
		c.command = find_command(argv[optind]);
		if (!c.command)
			return complain_unknown(argv[optind]);
		optind++;
	}
	if (bad && c.command->run)
		return call_complain(CONTROL_USAGE, "unknown option %s; --help lists them", bad);
	c.argc = argc - optind;
	c.argv = argv + optind;
	return carry_out(&c);
}

int main(int argc, char **argv)
{
	enum control_exit status = run(argc, argv);

	if (fflush(stdout) != 0 || ferror(stdout))
		status = call_complain(CONTROL_REFUSED, "the output cannot be written: %s",
				       strerror(errno));
	return (int)status;
}
