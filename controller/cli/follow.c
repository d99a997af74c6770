/* --watch of a list: the command is run again whenever the controller has another answer; what is
 * new in it stands out.  The controller says when: each question waits there for news. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/cli/cli.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"

enum { WAIT_S = 50, ROWS = 1000, RETRY_MS = 1000, RETRY_MOST_MS = 10000 };

struct row {
    char *key, *text;
    bool there; /* of the rows before: in the newest too */
};

struct rows {
    struct row *of;
    size_t n, room;
};

struct follow {
    char known[65]; /* of the newest answer; "" before the first */
    bool asked, same;
    int64_t until_ms;
    struct rows was, now;
};

static void
rows_clear(struct rows *r)
{
    for (size_t i = 0; i < r->n; i++) {
        free(r->of[i].key);
        free(r->of[i].text);
    }
    free(r->of);
    *r = (struct rows){0};
}

static struct row *
rows_find(struct rows *r, const char *key)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->of[i].key, key) == 0)
            return &r->of[i];
    return NULL;
}

static void
rows_add(struct rows *r, const char *key, const char *text)
{
    if (r->n == r->room) {
        r->room = r->room == 0 ? 64 : 2 * r->room;
        r->of = reallocarray(r->of, r->room, sizeof(*r->of));
        if (r->of == NULL)
            abort(); /* as an arena */
    }
    r->of[r->n] = (struct row){.key = strdup(key), .text = strdup(text)};
    if (r->of[r->n].key == NULL || r->of[r->n].text == NULL)
        abort();
    r->n++;
}

bool
follow_row(struct cli *c, const char *key, const char *text)
{
    struct follow *f = c->follow;
    struct row *before = rows_find(&f->was, key);

    rows_add(&f->now, key, text);
    if (before != NULL)
        before->there = true;
    return f->was.n > 0 && (before == NULL || strcmp(before->text, text) != 0);
}

bool
follow_first(const struct cli *c)
{
    return c->follow->was.n == 0;
}

void
follow_end(struct cli *c)
{
    struct follow *f = c->follow;

    for (size_t i = 0; i < f->was.n; i++)
        if (!f->was.of[i].there)
            cli_line(c, stdout, "gone: %s", f->was.of[i].text);
    rows_clear(&f->was);
    f->was = f->now;
    f->now = (struct rows){0};
}

int
follow_list(struct cli *c, const char *path, const struct jm_field *schema, size_t size, void *out,
            struct err *e)
{
    struct follow *f = c->follow;
    int64_t left = (f->until_ms - clock_mono_ms()) / 1000;
    const char *bytes = NULL;
    uint64_t most;
    char hash[65];
    size_t len = 0;

    if (!cli_has_pages("GET", path, schema))
        return 0; /* not asked: follow_run() says so */
    f->asked = true;
    if (cli_limit(c, &most, e) < 0)
        return -1;
    path =
        cli_query(c, path, "limit", arena_printf(&c->a, "%d", most < ROWS ? (int)most : (int)ROWS));
    if (f->known[0] != '\0')
        path = cli_query(c, cli_query(c, path, "known", f->known), "wait",
                         arena_printf(&c->a, "%d", left < WAIT_S ? (int)left : (int)WAIT_S));
    if (cli_fetch(c, path, &bytes, &len, e) < 0)
        return -1;
    digest_sha256_hex(bytes, len, hash);
    f->same = strcmp(hash, f->known) == 0;
    c->streamed = f->same; /* it stands there already */
    memcpy(f->known, hash, sizeof(hash));
    return f->same ? 0 : jm_decode(bytes, len, schema, size, JM_PEER, &c->a, out, e);
}

static void
ended(int sig)
{
    (void)sig;
    _exit(0); /* nothing is held: each table was written when it was whole */
}

/* The controller is away, or has too much to do. */
static bool
comes_back(const struct err *e)
{
    return e->code == BY_E_IO || e->code == BY_E_BUSY || e->code == BY_E_TIMEOUT;
}

static int
options_fit(const struct cli *c, struct err *e)
{
    static const char *const others[] = {"all", "count", "csv", "out"};

    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (cli_opt(c, others[i]) != NULL)
            return err_set(e, BY_E_INVALID, "--watch goes on: leave out --%s", others[i]);
    return 0;
}

/* The command once, with memory of its own. */
static int
once(struct cli *c, struct err *e)
{
    struct arena kept = c->a;
    int rc;

    c->a = (struct arena){0};
    c->streamed = false;
    memset(c->names, 0, sizeof(c->names));
    rc = c->cmd->run(c, e);
    (void)fflush(stdout);
    arena_clear(&c->a);
    c->a = kept;
    memset(c->names, 0, sizeof(c->names));
    if (rc == 0 && !c->follow->asked)
        return err_set(e, BY_E_INVALID, "this list cannot be watched");
    return rc;
}

/* Until it answers again, at most to the end; *pause grows. */
static int
away(struct cli *c, const struct err *why, int64_t *pause, int64_t left_ms)
{
    int64_t ms = *pause < left_ms ? *pause : left_ms;

    if (c->follow->known[0] == '\0' || !comes_back(why) || left_ms <= 0)
        return -1;
    if (*pause == RETRY_MS)
        cli_line(c, stderr, "no answer (%s): trying again", why->msg);
    *pause = *pause * 2 < RETRY_MOST_MS ? *pause * 2 : RETRY_MOST_MS;
    (void)nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
    return 0;
}

bool
follow_wanted(const struct cli *c)
{
    return options_list(c->cmd) && cli_opt(c, "watch") != NULL;
}

int
follow_run(struct cli *c, struct err *e)
{
    struct follow f = {0};
    int64_t pause = RETRY_MS, limit_ms, now = clock_mono_ms();
    int rc = 0;

    if (options_fit(c, e) < 0 || cli_opt_ms(c, "timeout", INT64_MAX / 2, &limit_ms, e) < 0)
        return -1;
    (void)signal(SIGINT, ended); /* cannot fail for this signal */
    f.until_ms = now + limit_ms;
    c->follow = &f;
    while (rc == 0 && clock_mono_ms() < f.until_ms) {
        struct err why = {0};

        rc = once(c, &why);
        if (rc == 0) {
            pause = RETRY_MS;
        } else {
            rc = away(c, &why, &pause, f.until_ms - clock_mono_ms());
            if (rc < 0)
                *e = why;
        }
    }
    c->follow = NULL;
    c->streamed = false;
    rows_clear(&f.was);
    rows_clear(&f.now);
    return rc;
}
