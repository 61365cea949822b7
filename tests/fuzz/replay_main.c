/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a fuzz target over files and folders, with any compiler. No input at all is a failure: a corpus that went
 * missing must not look like one that passed. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		perror(path);
		return -1;
	}
	/* exactly as large as the input, so that a read behind its end is seen */
	uint8_t *data = NULL;
	size_t n = 0, cap = 0, got;
	do {
		if (n == cap) {
			cap = cap ? cap * 2 : 4096;
			data = realloc(data, cap);
			if (!data)
				abort();
		}
		got = fread(data + n, 1, cap - n, f);
		n += got;
	} while (got);
	fclose(f);
	uint8_t *exact = malloc(n ? n : 1);
	if (!exact)
		abort();
	memcpy(exact, data, n);
	free(data);
	fprintf(stderr, "%s\n", path); /* the last line names what crashed */
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 1;
}

static int replay(const char *path)
{
	struct stat st;
	if (stat(path, &st)) {
		perror(path);
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(path);
	struct dirent **names;
	int n = scandir(path, &names, NULL, alphasort), total = 0;
	for (int i = 0; i < n; i++) {
		char *one = NULL;
		if (names[i]->d_name[0] != '.' && total >= 0 && asprintf(&one, "%s/%s", path, names[i]->d_name) > 0) {
			int r = replay(one);
			total = r < 0 ? r : total + r;
			free(one);
		}
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return n < 0 ? -1 : total;
}

int main(int argc, char **argv)
{
	int total = 0;
	for (int i = 1; i < argc; i++) {
		int r = replay(argv[i]);
		if (r < 0)
			return EXIT_FAILURE;
		total += r;
	}
	printf("%d inputs\n", total);
	return total ? EXIT_SUCCESS : EXIT_FAILURE;
}
