/* What happens to hosts: lines "[at SECONDS] VERB [HOSTS [ARGUMENTS]]", from a script or, while it
 * runs, from the control pipe. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/link.h"
#include "drivers/base/clock.h"
#include "drivers/base/strbuf.h"
#include "drivers/host/durable.h"
#include "drivers/virt/virt_fake.h"
#include "tests/sim/sim.h"

enum { SCRIPT_MAX = 1 << 20, LINES_MAX = 10000 };

typedef int (*verb_fn)(struct sim_host *h, const char *args, struct err *e);

static int
put(struct sim_host *h, const char *name, const char *text, struct err *e)
{
    char path[500];

    (void)snprintf(path, sizeof(path), "%s/%s", h->world, name);
    return durable_write(path, text, strlen(text), 0600, e);
}

static int
do_cut(struct sim_host *h, const char *args, struct err *e)
{
    (void)args;
    (void)e;
    h->cut = true;
    sim_loop_sever(h);
    return 0;
}

static int
do_restore(struct sim_host *h, const char *args, struct err *e)
{
    (void)args;
    (void)e;
    h->cut = false;
    h->storm_ms = 0;
    h->s->storm_ms = clock_mono_ms();
    return 0;
}

/* Connections end once; nothing keeps them from coming back. */
static int
do_sever(struct sim_host *h, const char *args, struct err *e)
{
    h->lost = h->open && link_polls(h->ag.link);
    sim_loop_sever(h);
    return do_restore(h, args, e);
}

static int
do_kill(struct sim_host *h, const char *args, struct err *e)
{
    (void)args;
    return sim_host_kill(h)
               ? 0
               : err_set(e, BY_E_BUSY, "host %d: a call of its hypervisor hangs", h->n);
}

static int
do_start(struct sim_host *h, const char *args, struct err *e)
{
    (void)args;
    return h->open ? 0 : sim_host_start(h, e);
}

/* The machine is reset: agent and guests die, the boot id changes. */
static int
do_reboot(struct sim_host *h, const char *args, struct err *e)
{
    if (do_kill(h, args, e) < 0 || virt_fake_reboot(h->world, e) < 0)
        return -1;
    sim_host_reboot_id(h);
    return sim_host_start(h, e);
}

/* A line of the fake's script (drivers/virt/virt_fake.h) as its only one. */
static int
do_script(struct sim_host *h, const char *args, struct err *e)
{
    return put(h, "script", args, e);
}

static int
do_capacity(struct sim_host *h, const char *args, struct err *e)
{
    return put(h, "host", args, e);
}

/* Nothing hangs from now on. */
static int
do_release(struct sim_host *h, const char *args, struct err *e)
{
    (void)args;
    return put(h, "script", "", e) < 0 ? -1 : put(h, "release", "", e);
}

static int
do_steal(struct sim_host *h, const char *args, struct err *e)
{
    return sim_steal(h, args, e);
}

static int
do_flood(struct sim_host *h, const char *args, struct err *e)
{
    return sim_flood(h, strtol(args, NULL, 10), e);
}

static int
do_clone(struct sim_host *h, const char *args, struct err *e)
{
    (void)args;
    return sim_clone(h, e);
}

static const struct {
    const char *name;
    verb_fn fn;
} verbs[] = {
    {"capacity", do_capacity}, {"clone", do_clone},     {"cut", do_cut},
    {"flood", do_flood},       {"kill", do_kill},       {"reboot", do_reboot},
    {"release", do_release},   {"restore", do_restore}, {"script", do_script},
    {"sever", do_sever},       {"start", do_start},     {"steal", do_steal},
};

static verb_fn
verb_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        if (strcmp(verbs[i].name, name) == 0)
            return verbs[i].fn;
    return NULL;
}

/* "all", "7", "2-9", or "30%": each with that chance, by the seed. */
struct host_set {
    long from, to;
    long percent; /* -1: surely */
};

static int
set_read(const struct sim *s, const char *text, struct host_set *out, struct err *e)
{
    char *end = NULL;
    long n = strtol(text, &end, 10);
    bool read = strchr("0123456789", text[0]) != NULL && text[0] != '\0';

    *out = (struct host_set){.from = 1, .to = s->o.hosts, .percent = -1};
    if (strcmp(text, "all") == 0)
        return 0;
    if (read && strcmp(end, "%") == 0) {
        out->percent = n;
        read = n <= 100;
    } else {
        out->from = out->to = n;
        if (read && *end == '-')
            out->to = strtol(end + 1, &end, 10);
        read = read && *end == '\0' && out->from >= 1 && out->to >= out->from;
    }
    if (!read)
        return err_set(e, BY_E_INVALID, "which hosts? all, N, N-M or N%%, not '%s'", text);
    return out->from <= s->o.hosts
               ? 0
               : err_set(e, BY_E_NOT_FOUND, "no host '%s': there are %d", text, s->o.hosts);
}

static int
run_verb(struct sim *s, verb_fn fn, const struct host_set *set, const char *args, struct err *e)
{
    for (long n = set->from; n <= set->to && n <= s->o.hosts; n++) {
        if (set->percent >= 0 && (long)(sim_random(s) % 100) >= set->percent)
            continue;
        if (fn(&s->hosts[n - 1], args, e) < 0)
            return -1;
    }
    return 0;
}

/* A host without threads of its own shares that of all others. */
static int
stalls_check(const struct sim *s, verb_fn fn, const struct host_set *set, const char *args,
             struct err *e)
{
    long last = set->to < s->o.hosts ? set->to : s->o.hosts;

    if (fn != do_script || (strstr(args, " slow ") == NULL && strstr(args, " hang") == NULL) ||
        last <= s->o.threads)
        return 0;
    return err_set(e, BY_E_INVALID,
                   "hosts from %d on have no threads of their own (--threads): all would wait",
                   s->o.threads + 1);
}

/* Does it, or with only_look says whether it could be read. */
static int
command(struct sim *s, const char *text, bool only_look, struct err *e)
{
    SCOPED(free) char *copy = strdup(text);
    char *args = copy, *verb, *hosts;
    struct host_set set;
    verb_fn fn;

    if (copy == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    verb = strsep(&args, " ");
    if (strcmp(verb, "quit") == 0) {
        s->ended = s->ended || !only_look;
        return 0;
    }
    if (strcmp(verb, "report") == 0) {
        if (!only_look)
            sim_summary(s, args != NULL ? args : "report", stdout);
        return 0;
    }
    fn = verb_of(verb);
    if (fn == NULL)
        return err_set(e, BY_E_INVALID, "no verb '%s'; see --help", verb);
    hosts = strsep(&args, " ");
    args = args != NULL ? args : verb + strlen(verb);
    if (set_read(s, hosts == NULL ? "" : hosts, &set, e) < 0 ||
        stalls_check(s, fn, &set, args, e) < 0)
        return -1;
    return only_look ? 0 : run_verb(s, fn, &set, args, e);
}

int
sim_command(struct sim *s, const char *text, struct err *e)
{
    return command(s, text, false, e);
}

/* ---- the script --------------------------------------------------------------------------------
 */

static int
by_time(const void *a, const void *b)
{
    const struct sim_line *x = a, *y = b;

    return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

int
sim_script_load(struct sim *s, const char *file, struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char *rest, *line;

    if (file == NULL)
        return 0;
    if (durable_read(file, SCRIPT_MAX, &text, e) < 0)
        return -1;
    s->lines = calloc(LINES_MAX, sizeof(*s->lines));
    if (s->lines == NULL)
        return err_set(e, BY_E_NOMEM, "out of memory");
    rest = text.s;
    while ((line = strsep(&rest, "\n")) != NULL && s->n_lines < LINES_MAX) {
        double at = 0;
        int used = 0;

        if (line[0] == '\0' || line[0] == '#')
            continue;
        if (sscanf(line, "at %lf %n", &at, &used) != 1 || used == 0 || !(at >= 0 && at < 1e9))
            return err_set(e, BY_E_INVALID, "%s: '%.80s' does not begin with at SECONDS", file,
                           line);
        if (command(s, line + used, true, e) < 0)
            return err_wrap(e, "%s: '%.80s'", file, line);
        s->lines[s->n_lines].at_ms = (int64_t)(at * 1000);
        s->lines[s->n_lines].text = strdup(line + used);
        if (s->lines[s->n_lines++].text == NULL)
            return err_set(e, BY_E_NOMEM, "out of memory");
    }
    qsort(s->lines, s->n_lines, sizeof(*s->lines), by_time);
    return 0;
}

static void
obey(struct sim *s, const char *text)
{
    struct err e = {0};

    fprintf(stderr, "hostsim: %.1f s: %s\n", (double)(clock_mono_ms() - s->start_ms) / 1000, text);
    if (sim_command(s, text, &e) < 0)
        fprintf(stderr, "hostsim: '%s': %s\n", text, e.msg);
}

int
sim_script_step(struct sim *s, int wait_ms)
{
    while (s->next_line < s->n_lines && !s->ended) {
        const struct sim_line *l = &s->lines[s->next_line];
        int64_t in = s->start_ms + l->at_ms - clock_mono_ms();

        if (in > 0)
            return in < wait_ms ? (int)in : wait_ms;
        s->next_line++;
        obey(s, l->text);
    }
    return s->ended ? 0 : wait_ms;
}

void
sim_control_read(struct sim *s)
{
    ssize_t n = read(s->control, s->control_text + s->control_len,
                     sizeof(s->control_text) - 1 - s->control_len);
    char *end;

    if (n <= 0)
        return; /* we hold it open for writing too: there is no end */
    s->control_len += (size_t)n;
    s->control_text[s->control_len] = '\0';
    while ((end = strchr(s->control_text, '\n')) != NULL) {
        *end = '\0';
        if (s->control_text[0] != '\0')
            obey(s, s->control_text);
        s->control_len -= (size_t)(end + 1 - s->control_text);
        memmove(s->control_text, end + 1, s->control_len + 1);
    }
    if (s->control_len == sizeof(s->control_text) - 1)
        s->control_len = 0; /* no line is so long */
}
