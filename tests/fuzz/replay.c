/* Runs a fuzz entry over files, without a fuzzer's compiler: those named, or else the corpus
 * that belongs to the program's name ("replay_X": tests/fuzz/corpus/X). `make check` does so. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t bytes[FILE_MAX];

static int file_run(int folder, const char *path)
{
	int fd = openat(folder, path, O_RDONLY);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "rb");
	size_t n;

	if (!f) {
		perror(path);
		return -1;
	}
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	/* Before the run: a crash is then known by the last line. */
	fprintf(stderr, "%s\n", path);
	return LLVMFuzzerTestOneInput(bytes, n);
}

static int folder_run(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int failed = 0, ran = 0;

	if (!d) {
		perror(path);
		return 1;
	}
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		failed += file_run(dirfd(d), e->d_name) != 0;
		ran++;
	}
	closedir(d);
	printf("%d passed, %d failed, 0 skipped\n", ran - failed, failed);
	return failed || ran == 0;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir"), *name = strstr(argv[0], "replay_");
	char folder[4096];
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed += file_run(AT_FDCWD, argv[i]) != 0;
	if (argc > 1)
		return failed ? EXIT_FAILURE : EXIT_SUCCESS;
	if (!name)
		return EXIT_FAILURE;
	snprintf(folder, sizeof(folder), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
		 name + strlen("replay_"));
	return folder_run(folder);
}
