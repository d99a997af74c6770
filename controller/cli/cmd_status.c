/* How the controller is: what needs somebody first, then one screen of figures. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/cli/cli.h"
#include "controller/cli/commands.h"
#include "drivers/base/clock.h"
#include "policies/text.h"

#define N(x) ((unsigned long long)(x))

enum { LOOK_MS = 2000, LABEL = 10 };

static const char *
span(struct cli *c, int64_t ms)
{
    char buf[48];
    struct text t = text_on(buf, sizeof(buf));

    text_add_span(&t, ms);
    return cli_sentence(c, arena_strdup(&c->a, buf));
}

static const char *
took(struct cli *c, int64_t us)
{
    if (us == 0)
        return "-";
    return us < 10000 ? arena_printf(&c->a, "%" PRId64 ".%" PRId64 " ms", us / 1000, us / 100 % 10)
                      : arena_printf(&c->a, "%" PRId64 " ms", us / 1000);
}

static const char *
room(struct cli *c, uint64_t bytes)
{
    return bytes < 10ULL << 30 ? arena_printf(&c->a, "%" PRIu64 " MiB", bytes >> 20)
                               : arena_printf(&c->a, "%" PRIu64 " GiB", bytes >> 30);
}

static void line(struct cli *c, const char *label, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void
line(struct cli *c, const char *label, const char *fmt, ...)
{
    const char *name = say(c->lang, label);
    va_list ap;

    va_start(ap, fmt);
    printf("%s%*s ", name, cli_pad(name, LABEL), "");
    vprintf(fmt, ap);
    printf("\n");
    va_end(ap);
}

static void
print_hosts(struct cli *c, const struct w_status_view *s, int64_t now)
{
    const struct w_status_work *w = &s->figures;

    line(c, "hosts",
         say(c->lang,
             "%llu answer, of these %llu cordoned and %llu held; %llu silent, %llu refused"),
         N(w->hosts_ready), N(w->hosts_cordoned), N(w->hosts_held), N(w->hosts_silent),
         N(w->hosts_refused));
    line(c, "orders", say(c->lang, "%llu open, %llu overdue, the oldest for %s"), N(s->orders_open),
         N(w->orders_overdue),
         w->order_oldest_ms == 0 ? "-" : span(c, (now - w->order_oldest_ms) / 1000 * 1000));
    line(c, "clocks", say(c->lang, "%llu run, %llu overdue, %llu held"), N(w->clocks_open),
         N(w->clocks_overdue), N(w->clocks_held));
}

static void
pace(struct cli *c, const char *label, int64_t p50_us, int64_t p99_us)
{
    line(c, label, say(c->lang, "half within %s, 99 of 100 within %s (last five minutes)"),
         took(c, p50_us), took(c, p99_us));
}

static void
print_work(struct cli *c, const struct w_status_view *s, int64_t now)
{
    const struct w_status_work *w = &s->figures;

    line(c, "queues",
         say(c->lang, "%llu changes, %llu requests, %llu polls that wait, %llu notices on their "
                      "way, %llu given up"),
         N(w->commit_queue), N(w->requests_queued), N(w->polls_parked), N(w->notices_waiting),
         N(s->notices_dead));
    pace(c, "commit", w->commit_p50_us, w->commit_p99_us);
    pace(c, "dispatch", w->dispatch_p50_us, w->dispatch_p99_us);
    if (w->quota.proved_ms == 0)
        line(c, "quota", "%s", say(c->lang, "not held against inventories since the start"));
    else
        line(c, "quota", say(c->lang, "drift %lld, %lld grants unproven, looked at %s ago"),
             (long long)w->quota.drift, (long long)w->quota.unproven,
             span(c, (now - w->quota.proved_ms) / 1000 * 1000));
    line(c, "ledger", say(c->lang, "entry %llu of %s, witnessed up to %llu"), N(s->ledger_seq),
         cli_time(c, w->ledger_at_ms), N(w->witnessed_seq));
    line(c, "disk", say(c->lang, "%s free of %s, the store takes %s; memory %s"),
         room(c, w->disk_free_bytes), room(c, w->disk_bytes), room(c, w->store_bytes),
         room(c, w->memory_bytes));
    line(c, "version", say(c->lang, "%s, term %llu, up for %s"), s->version, N(s->term),
         span(c, (now - w->started_ms) / 1000 * 1000));
}

static int
print(struct cli *c, const struct w_status_view *s, struct err *e)
{
    int64_t now = clock_wall_ms();

    c->exit_status = cli_opt(c, "check") != NULL && s->problems.n > 0;
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_status_view, s, e);
    for (size_t i = 0; i < s->problems.n; i++) {
        const struct w_status_finding *f = JM_ITEM(s->problems, const struct w_status_finding, i);

        printf("%s %s\n", f->grave ? "!!" : "! ", cli_sentence(c, f->text));
    }
    if (s->problems.n == 0)
        printf("%s\n", say(c->lang, "nothing needs anybody"));
    if (s->reason != NULL)
        line(c, "reason", "%s", cli_sentence(c, s->reason));
    if (s->receipts_missing != NULL)
        line(c, "awaited", "%s", cli_sentence(c, s->receipts_missing));
    if (s->grant_key != NULL)
        line(c, "grant key", "%s", cli_sentence(c, s->grant_key));
    if (s->figures.started_ms == 0) { /* the figures are not for everybody */
        line(c, "orders", say(c->lang, "%llu open"), N(s->orders_open));
        line(c, "version", "%s", s->version);
        return 0;
    }
    print_hosts(c, s, now);
    print_work(c, s, now);
    return 0;
}

static int
look(struct cli *c, struct err *e)
{
    struct w_status_view s;

    if (CLI_GET(c, "/v1/status", status_view, &s, e) < 0)
        return -1;
    if (cli_opt(c, "watch") != NULL && isatty(STDOUT_FILENO) != 0)
        printf("\033[H\033[2J");
    return print(c, &s, e);
}

/* Anew every two seconds; what one look needs is forgotten before the next. */
static int
follow(struct cli *c, struct err *e)
{
    struct arena kept = c->a;
    int64_t limit_ms, start_ms = clock_mono_ms();
    int rc = 0;

    if (cli_opt_ms(c, "timeout", INT64_MAX, &limit_ms, e) < 0)
        return -1;
    while (rc == 0) {
        c->a = (struct arena){0};
        rc = look(c, e);
        (void)fflush(stdout);
        arena_clear(&c->a);
        c->a = kept;
        if (clock_mono_ms() - start_ms >= limit_ms)
            break;
        (void)nanosleep(&(struct timespec){.tv_sec = LOOK_MS / 1000}, NULL);
    }
    return rc;
}

int
cmd_status(struct cli *c, struct err *e)
{
    return cli_opt(c, "watch") != NULL ? follow(c, e) : look(c, e);
}
