/* Checks every *.conf of the directory cases as `hpcbald --check` does and compares what is said
 * with the file *.expected beside it. GOLDEN_UPDATE=1 writes those files anew; read the
 * difference before it is committed. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader/loader.h"

static char *read_whole(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = fopen(path, "r");

	if (!f)
		return NULL;
	if (getdelim(&text, &size, '\0', f) < 0 && text)
		text[0] = '\0';
	fclose(f);
	return text;
}

/* What a name server says, and whether there is one, differs from machine to machine. */
static void hide_resolver(char *text)
{
	static const char before[] = "was not resolved: ";
	char *p = text;

	while ((p = strstr(p, before))) {
		char *end = strchr(p, ';');

		p += sizeof(before) - 1;
		if (!end)
			return;
		memmove(p + 1, end, strlen(end) + 1);
		*p = '?';
	}
}

/* What is said, and the exit status as the last line. */
static char *check(const char *name)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "exit %d\n", loader_check(name, out));
	if (fclose(out) != 0)
		return NULL;
	hide_resolver(text);
	return text;
}

static bool write_whole(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f)
		return false;
	fputs(text, f);
	return fclose(f) == 0;
}

/* "x.conf" → "x.expected" */
static void expected_name(const char *name, char *to, size_t size)
{
	snprintf(to, size, "%.*s.expected", (int)(strlen(name) - strlen(".conf")), name);
}

static bool run(const char *name)
{
	char path[512];
	char *got = check(name), *expected;
	bool same;

	expected_name(name, path, sizeof(path));
	if (got && getenv("GOLDEN_UPDATE") && !write_whole(path, got))
		perror(path);
	expected = read_whole(path);
	same = got && expected && strcmp(got, expected) == 0;
	if (!same)
		printf("FAIL %s\n--- expected\n%s--- got\n%s", name,
		       expected ? expected : "(no such file)\n", got ? got : "(nothing)\n");
	free(got);
	free(expected);
	return same;
}

/* The example that comes with the program has to be good, whatever warnings it has. */
static bool run_example(void)
{
	char *said = check("../../../etc/hpcbal.conf");
	bool good = said && strstr(said, "\nexit 0\n");

	if (!good)
		printf("FAIL etc/hpcbal.conf\n%s", said ? said : "(nothing)\n");
	free(said);
	return good;
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	unsigned failed = 0;
	struct dirent **list;
	int n;

	if (argc > 1 ? chdir(argv[1]) != 0
		     : chdir(srcdir ? srcdir : ".") != 0 || chdir("tests/golden/cases") != 0) {
		perror("golden: the directory of the files");
		return 1;
	}
	n = scandir(".", &list, is_conf, alphasort);
	if (n <= 0) {
		fprintf(stderr, "golden: no files\n");
		return 1;
	}
	for (int i = 0; i < n; i++) {
		failed += !run(list[i]->d_name);
		free(list[i]);
	}
	free(list);
	failed += !run_example();
	printf("%d passed, %u failed, 0 skipped\n", n + 1 - (int)failed, failed);
	return failed != 0;
}
