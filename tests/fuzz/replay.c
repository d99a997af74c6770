/* Replays files through a fuzz target under an ordinary compiler: replay_<name> FILE|FOLDER... */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/fuzz.h"

enum { REPLAY_MAX = 16 << 20 };

static int
replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *exact, *text;
    size_t n;

    if (f == NULL) {
        perror(path);
        return -1;
    }
    text = malloc(REPLAY_MAX);
    n = text != NULL ? fread(text, 1, REPLAY_MAX, f) : 0;
    (void)fclose(f);
    exact = malloc(n + (n == 0)); /* no byte to spare: reading past the end must show */
    if (text == NULL || exact == NULL) {
        free(text);
        free(exact);
        return -1;
    }
    memcpy(exact, text, n);
    free(text);
    fuzz_one(exact, n);
    free(exact);
    return 0;
}

/* How many files were replayed, or -1. */
static int
replay_path(const char *path)
{
    struct dirent *d;
    struct stat st;
    int n = 0;
    DIR *dir;

    if (stat(path, &st) < 0) {
        perror(path);
        return -1;
    }
    if (!S_ISDIR(st.st_mode))
        return replay_file(path) < 0 ? -1 : 1;
    dir = opendir(path);
    while (dir != NULL && (d = readdir(dir)) != NULL) {
        char file[4096];
        int r;

        if (d->d_name[0] == '.')
            continue;
        r = snprintf(file, sizeof(file), "%s/%s", path, d->d_name);
        if (r < 0 || (size_t)r >= sizeof(file) || replay_file(file) < 0) {
            (void)closedir(dir);
            return -1;
        }
        n++;
    }
    if (dir != NULL)
        (void)closedir(dir);
    return n;
}

int
main(int argc, char **argv)
{
    int total = 0;

    for (int i = 1; i < argc; i++) {
        int n = replay_path(argv[i]);

        if (n < 0)
            return 1;
        total += n;
    }
    printf("%s: %d inputs\n", argv[0], total);
    return total == 0; /* a corpus that is not there is a fault */
}
