#include "tests/unit/tmpdir.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>

char *
tmpdir_new(void)
{
    const char *base = getenv("TMPDIR");
    char *path = NULL;

    if (asprintf(&path, "%s/bianyun-test-XXXXXX", base == NULL ? "/tmp" : base) < 0 ||
        mkdtemp(path) == NULL)
        abort();
    return path;
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    (void)remove(path);
    return 0;
}

void
tmpdir_free(char *path)
{
    if (path == NULL)
        return;
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS); /* leftovers only cost disk */
    free(path);
}

int
tmpdir_count(const char *dir, const char *sub)
{
    char path[512];
    struct dirent *d;
    int n = 0;
    DIR *h;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, sub);
    h = opendir(path);
    if (h == NULL)
        return -1;
    while ((d = readdir(h)) != NULL)
        n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
    (void)closedir(h);
    return n;
}
