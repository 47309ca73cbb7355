/* The daemon: parses its command line, and is the supervisor, or one of its children when
 * the supervisor starts it again with a role. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/log.h"
#include "config.h"
#include "ipc/msg.h"
#include "loader/loader.h"
#include "proxy/proxy.h"
#include "runner/runner.h"
#include "supervisor/rights.h"
#include "supervisor/supervisor.h"
#include "supervisor/trial.h"
#include "vrrp/vrrp.h"
#include "web/web.h"

#ifndef HPCBAL_SYSCONFDIR
#define HPCBAL_SYSCONFDIR "/etc"
#endif

#define DEFAULT_CONFIG HPCBAL_SYSCONFDIR "/hpcbal.conf"
#define EXIT_USAGE 2

struct command_line {
	const char *config;
	const char *role; /* what the supervisor says to its children, nobody else */
	const char *adopt, *refused; /* and to its successor (supervisor/handover.h) */
	bool check, foreground;
};

static const char usage[] =
	"usage: hpcbald [-f FILE] [-c] [-F] [-V] [-h]\n"
	"  -f, --config FILE   read FILE instead of " DEFAULT_CONFIG "\n"
	"  -c, --check         check the configuration, print every error, exit 0 or 1\n"
	"  -F, --foreground    do not become a daemon\n"
	"  -V, --version       print the version\n"
	"  -h, --help          print this\n";

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'f'},
	{"check", no_argument, NULL, 'c'},
	{"foreground", no_argument, NULL, 'F'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{"role", required_argument, NULL, 'r'},
	{"adopt", required_argument, NULL, 'a'},
	{"refused", required_argument, NULL, 'R'},
	{NULL, 0, NULL, 0},
};

_Noreturn static void refuse_usage(void)
{
	fprintf(stderr, "Try 'hpcbald --help'.\n");
	exit(EXIT_USAGE);
}

static void parse(struct command_line *line, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "f:cFVh", long_options, NULL)) >= 0) {
		switch (c) {
		case 'f':
			line->config = optarg;
			break;
		case 'c':
			line->check = true;
			break;
		case 'F':
			line->foreground = true;
			break;
		case 'r':
			line->role = optarg;
			break;
		case 'a':
			line->adopt = optarg;
			break;
		case 'R':
			line->refused = optarg;
			break;
		case 'V':
			printf("hpcbald %s\n", PACKAGE_VERSION);
			exit(EXIT_SUCCESS);
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		default:
			refuse_usage();
		}
	}
	if (optind < argc) {
		fprintf(stderr, "hpcbald: \"%s\" is no option; a configuration is given with -f\n",
			argv[optind]);
		refuse_usage();
	}
}

/* ---- roles ---- */

static int run_loader(const char *config)
{
	return loader_main(MSG_CHILD_FD, config);
}

static int run_proxy(const char *config)
{
	(void)config;
	return proxy_main(MSG_CHILD_FD);
}

static int run_vrrp(const char *config)
{
	(void)config;
	return vrrp_main(MSG_CHILD_FD);
}

static int run_runner(const char *config)
{
	(void)config;
	return runner_main(MSG_CHILD_FD);
}

static int run_admin(const char *config)
{
	(void)config;
	return web_main(MSG_CHILD_FD);
}

static int run_trial(const char *config)
{
	(void)config;
	return trial_main(MSG_CHILD_FD);
}

static int (*const run_role[ROLE_COUNT])(const char *config) = {
	[ROLE_LOADER] = run_loader,
	[ROLE_PROXY] = run_proxy,
	[ROLE_VRRP] = run_vrrp,
	[ROLE_RUNNER] = run_runner,
	[ROLE_ADMIN] = run_admin,
	[ROLE_TRIAL] = run_trial,
};

static int become(const char *name, const char *config)
{
	char why[256], title[16];
	struct stat st;
	enum role r = 0;

	while (r < ROLE_COUNT && strcmp(role_name(r), name) != 0)
		r++;
	if (r == ROLE_COUNT || fstat(MSG_CHILD_FD, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		fprintf(stderr, "hpcbald: --role is for its own use; start it without\n");
		return EXIT_USAGE;
	}
	snprintf(title, sizeof(title), "hpcbald: %s", role_name(r));
	prctl(PR_SET_NAME, title, 0, 0, 0);
	log_open(LOG_KIND_STDERR, 2, LOG_DAEMON, role_name(r));
	if (!rights_take(r, why, sizeof(why))) {
		log_error("%s", why);
		return EXIT_FAILURE;
	}
	return run_role[r](config);
}

/* To whom it is of use: what is wrong on standard error, that all is well on output. */
static int check(const char *config)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);
	int status;

	if (!out) {
		fprintf(stderr, "hpcbald: out of memory\n");
		return EXIT_FAILURE;
	}
	status = loader_check(config, out);
	fclose(out);
	fwrite(text, 1, n, status == EXIT_SUCCESS ? stdout : stderr);
	free(text);
	return status;
}

int main(int argc, char **argv)
{
	struct command_line line = {.config = DEFAULT_CONFIG};
	struct supervisor_options options;

	parse(&line, argc, argv);
	if (line.role)
		return become(line.role, line.config);
	if (line.check)
		return check(line.config);
	options.config = line.config;
	options.program = "/proc/self/exe";
	options.foreground = line.foreground;
	options.adopt = line.adopt ? atoi(line.adopt) : -1;
	options.refused = line.refused;
	return supervisor_main(&options);
}
