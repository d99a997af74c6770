/* Several controllers and accounts: which there are, which is in use. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/cli/commands.h"

#define PROFILES_MAX 200

struct row {
    const char *profile, *url;
    bool current, signed_in;
};
struct rows {
    struct jm_list items;
};

#define AT(m) .off = offsetof(struct row, m), .size = sizeof(((struct row *)0)->m)
static const struct jm_field row_rows[] = {
    {.name = "current", .type = JM_BOOL, .flags = JM_KEEP0, AT(current)},
    {.name = "profile", .type = JM_TEXT, .max = 100, AT(profile)},
    {.name = "signed_in", .type = JM_BOOL, .flags = JM_KEEP0, AT(signed_in)},
    {.name = "url", .type = JM_TEXT, .max = 300, AT(url)},
    {.name = NULL}};
static const struct jm_field list_rows[] = {{.name = "items",
                                             .type = JM_LIST,
                                             .flags = JM_KEEP0,
                                             .off = offsetof(struct rows, items),
                                             .size = sizeof(struct jm_list),
                                             .max = PROFILES_MAX,
                                             .sub = row_rows,
                                             .sub_size = sizeof(struct row)},
                                            {.name = NULL}};
#undef AT

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->profile, ((const struct row *)b)->profile);
}

/* What a file of the folder says; false when it is none of ours. */
static bool
row_read(struct cli *c, const char *dir, const char *name, struct row *out)
{
    char line[400];
    FILE *f;

    if (!profile_is_name(name))
        return false;
    f = fopen(arena_printf(&c->a, "%s/%s", dir, name), "re");
    if (f == NULL)
        return false;
    *out = (struct row){.profile = arena_strdup(&c->a, name), .url = ""};
    while (fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "url=", 4) == 0)
            out->url = arena_strdup(&c->a, line + 4);
        if (strncmp(line, "token=", 6) == 0)
            out->signed_in = line[6] != '\0';
    }
    (void)fclose(f); /* read only */
    return true;
}

static int
read_all(struct cli *c, struct rows *l, struct err *e)
{
    struct row *rows = arena_alloc(&c->a, PROFILES_MAX * sizeof(*rows));
    const struct dirent *d;
    char dir[540];
    DIR *o;

    l->items = (struct jm_list){.items = rows};
    if (profile_dir(c, dir, sizeof(dir), e) < 0)
        return -1;
    o = opendir(dir);
    while (o != NULL && l->items.n < PROFILES_MAX && (d = readdir(o)) != NULL)
        if (row_read(c, dir, d->d_name, &rows[l->items.n])) {
            rows[l->items.n].current = strcmp(d->d_name, c->profile) == 0;
            l->items.n++;
        }
    if (o != NULL)
        (void)closedir(o);
    qsort(rows, l->items.n, sizeof(*rows), by_name);
    return 0;
}

int
cmd_profile_list(struct cli *c, struct err *e)
{
    struct rows l;

    return read_all(c, &l, e) < 0
               ? -1
               : cli_print_list(c, list_rows, &l, "profile current signed_in url", e);
}

int
profile_names(struct cli *c)
{
    struct rows l;
    struct err none = {0};

    if (read_all(c, &l, &none) == 0)
        for (size_t i = 0; i < l.items.n; i++)
            printf("%s\n", JM_ITEM(l.items, const struct row, i)->profile);
    return 0;
}

/* The folder, when there is a profile of the name given. */
static int
find(struct cli *c, char *dir, size_t size, struct err *e)
{
    struct row r;

    if (profile_dir(c, dir, size, e) < 0)
        return -1;
    if (!row_read(c, dir, c->argv[0], &r))
        return err_set(e, BY_E_NOT_FOUND, "no profile '%s'; see 'bianyun profiles list'",
                       c->argv[0]);
    return 0;
}

int
cmd_profile_use(struct cli *c, struct err *e)
{
    char dir[540];
    const char *path, *fresh;

    if (find(c, dir, sizeof(dir), e) < 0)
        return -1;
    path = arena_printf(&c->a, "%s/%s", dir, PROFILE_CURRENT);
    fresh = arena_printf(&c->a, "%s.new", path);
    (void)unlink(fresh); /* of one that was killed */
    if (cli_write_file(fresh, c->argv[0], strlen(c->argv[0]), 0600, e) < 0)
        return -1;
    if (rename(fresh, path) < 0)
        return err_set(e, BY_E_IO, "cannot write %s: %s", path, strerror(errno));
    return 0;
}

int
cmd_profile_remove(struct cli *c, struct err *e)
{
    char dir[540];
    const char *path;

    if (find(c, dir, sizeof(dir), e) < 0)
        return -1;
    path = arena_printf(&c->a, "%s/%s", dir, c->argv[0]);
    if (unlink(path) < 0)
        return err_set(e, BY_E_IO, "cannot remove %s: %s", path, strerror(errno));
    (void)unlink(arena_printf(&c->a, "%s.ca", path)); /* there may be none */
    return 0;
}
