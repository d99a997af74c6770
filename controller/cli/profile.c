/* Profiles: where the controller is and the session, one file each, mode 0600. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "controller/cli/cli.h"
#include "drivers/base/scope.h"

int
profile_dir(struct cli *c, char *out, size_t size, struct err *e)
{
    const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char path[512];

    (void)c;
    if (base != NULL && base[0] == '/')
        (void)snprintf(path, sizeof(path), "%s", base);
    else if (home != NULL && home[0] == '/')
        (void)snprintf(path, sizeof(path), "%s/.config", home);
    else
        return err_set(e, BY_E_INVALID,
                       "neither XDG_CONFIG_HOME nor HOME is set; no place for a profile");
    if ((size_t)snprintf(out, size, "%s/bianyun/profiles", path) >= size)
        return err_set(e, BY_E_INVALID, "the path of the profile folder is too long: %s", path);
    return 0;
}

bool
profile_is_name(const char *s)
{
    return s[0] != '\0' &&
           s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")] == '\0';
}

static int
profile_path(struct cli *c, char *out, size_t size, struct err *e)
{
    char dir[540];

    if (!profile_is_name(c->profile))
        return err_set(e, BY_E_INVALID,
                       "a profile's name has letters, digits, - and _ only, not '%s'", c->profile);
    if (profile_dir(c, dir, sizeof(dir), e) < 0)
        return -1;
    (void)snprintf(out, size, "%s/%s", dir, c->profile);
    return 0;
}

static void
take_line(struct cli *c, const char *key, const char *value)
{
    if (strcmp(key, "url") == 0)
        (void)snprintf(c->url, sizeof(c->url), "%s", value);
    else if (strcmp(key, "ca") == 0)
        (void)snprintf(c->ca_file, sizeof(c->ca_file), "%s", value);
    else if (strcmp(key, "token") == 0)
        (void)snprintf(c->token, sizeof(c->token), "%s", value);
    else if (strcmp(key, "utc_offset_min") == 0)
        c->utc_offset_min = (int)strtol(value, NULL, 10);
}

/* The one named, else that of 'profiles use', else 'default'. */
static int
profile_choose(struct cli *c, struct err *e)
{
    char path[600], dir[540], line[80];
    FILE *f;

    c->profile = cli_opt(c, "profile");
    if (c->profile == NULL)
        c->profile = getenv("BIANYUN_PROFILE");
    if (c->profile != NULL && c->profile[0] != '\0')
        return 0;
    c->profile = "default";
    if (profile_dir(c, dir, sizeof(dir), e) < 0)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/%s", dir, PROFILE_CURRENT);
    f = fopen(path, "re");
    if (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '\0')
            c->profile = arena_strdup(&c->a, line);
    }
    if (f != NULL)
        (void)fclose(f); /* read only */
    return 0;
}

void
profile_learn(struct cli *c)
{
    struct w_status_view v;
    struct err none = {0};

    if (CLI_GET(c, "/v1/status", status_view, &v, &none) == 0)
        c->utc_offset_min = (int)v.utc_offset_min;
}

int
profile_load(struct cli *c, struct err *e)
{
    char path[640], line[1024];
    struct stat st;
    FILE *f;

    if (profile_choose(c, e) < 0 || profile_path(c, path, sizeof(path), e) < 0)
        return -1;
    f = fopen(path, "re");
    if (f == NULL && errno == ENOENT)
        return 0; /* no profile yet: login makes it, offline commands need none */
    if (f == NULL || fstat(fileno(f), &st) < 0) {
        (void)err_set(e, BY_E_IO, "cannot read the profile %s: %s", path, strerror(errno));
        if (f != NULL)
            (void)fclose(f);
        return -1;
    }
    if ((st.st_mode & 077) != 0) {
        (void)fclose(f);
        return err_set(e, BY_E_DENIED,
                       "others may read the session in %s; sign out of it, then: chmod 600 %s",
                       path, path);
    }
    while (fgets(line, sizeof(line), f) != NULL) {
        char *eq = strchr(line, '=');

        line[strcspn(line, "\n")] = '\0';
        if (eq == NULL)
            continue;
        *eq = '\0';
        take_line(c, line, eq + 1);
    }
    (void)fclose(f); /* read only */
    return 0;
}

/* Every folder on the way, 0700. */
static int
make_dirs(char *path, struct err *e)
{
    for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
        *p = '\0';
        if (mkdir(path, 0700) < 0 && errno != EEXIST) {
            (void)err_set(e, BY_E_IO, "cannot make %s: %s", path, strerror(errno));
            *p = '/';
            return -1;
        }
        *p = '/';
    }
    return 0;
}

int
profile_make_dir(struct cli *c, struct err *e)
{
    char path[640];

    return profile_path(c, path, sizeof(path), e) < 0 ? -1 : make_dirs(path, e);
}

int
profile_save(struct cli *c, struct err *e)
{
    char path[640], fresh[660], text[1200];
    SCOPED(fd) int fd = -1;
    int n;

    if (profile_path(c, path, sizeof(path), e) < 0 || make_dirs(path, e) < 0)
        return -1;
    n = snprintf(text, sizeof(text), "url=%s\nca=%s\ntoken=%s\nutc_offset_min=%d\n", c->url,
                 c->ca_file, c->token, c->utc_offset_min);
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, (size_t)n) != n || fsync(fd) < 0 || rename(fresh, path) < 0)
        return err_set(e, BY_E_IO, "cannot write the profile %s: %s", path, strerror(errno));
    return 0;
}

int
profile_forget(struct cli *c, struct err *e)
{
    char path[640];

    if (profile_path(c, path, sizeof(path), e) < 0)
        return -1;
    if (unlink(path) < 0 && errno != ENOENT)
        return err_set(e, BY_E_IO, "cannot remove the profile %s: %s", path, strerror(errno));
    return 0;
}
