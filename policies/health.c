#include "policies/health.h"

#include "policies/text.h"

#define MIN_MS INT64_C(60000)
#define ORDER_OLD_MS (60 * MIN_MS)
#define WITNESS_LAG_MS (15 * MIN_MS)
#define COMMIT_SLOW_US 500000
#define DISPATCH_SLOW_US 10000000
#define DISK_LOW INT64_C(5000000000)

struct list {
    struct health_finding *at;
    size_t n;
};

static struct text
finding(struct list *l, bool grave)
{
    struct health_finding *f = &l->at[l->n++];

    f->grave = grave;
    return text_on(f->text, sizeof(f->text));
}

/* "h7, h9", or "h1, h2, h3, h4, h5 and 3 more". */
static struct text
names(char *buf, size_t size, const char *const *list, size_t n)
{
    struct text t = text_on(buf, size);

    for (size_t i = 0; i < n && i < HEALTH_NAMES; i++)
        text_add(&t, "%s%s", i == 0 ? "" : ", ", list[i]);
    if (n > HEALTH_NAMES)
        text_add(&t, " + %zu", n - HEALTH_NAMES);
    return t;
}

static void
judge_time(const struct health_facts *f, struct list *l)
{
    struct text t;

    if (f->recovery) {
        t = finding(l, true);
        text_add(&t, "this store is behind its hosts and nothing is dispatched until an "
                     "administrator confirms (bianyun recovery confirm)");
    }
    if (f->clock_jumped) {
        t = finding(l, true);
        text_add(&t, "the system clock jumped and overdue verdicts are held: mend its time, then "
                     "confirm it (bianyun recovery confirm)");
    }
}

static void
judge_books(const struct health_facts *f, struct list *l)
{
    struct text t;

    if (f->drift != 0) {
        t = finding(l, true);
        text_add(&t, "what is booked as used differs by %lld from what hosts prove (bianyun quota)",
                 (long long)f->drift);
    }
    if (f->books_wrong != 0) {
        t = finding(l, true);
        text_add(&t, "%lld sums of the quota ledger do not add up (bianyun quota)",
                 (long long)f->books_wrong);
    }
    if (f->hosts_wrong != 0) {
        t = finding(l, true);
        text_add(&t,
                 "%lld hosts are remembered otherwise than the store has them and placing may go "
                 "wrong: restart the controller, it reads them anew",
                 (long long)f->hosts_wrong);
    }
}

static void
judge_hosts(const struct health_facts *f, struct list *l)
{
    char who[300], since[40];
    struct text t;

    if (f->n_refused > 0) {
        (void)names(who, sizeof(who), f->refused, f->n_refused);
        t = finding(l, true);
        text_add(&t, "hosts refused since two machines speak with one key: %s (bianyun hosts list)",
                 who);
    }
    if (f->n_silent == 0)
        return;
    (void)names(who, sizeof(who), f->silent, f->n_silent);
    t = finding(l, true);
    if (f->silent_since_ms == 0) {
        text_add(&t, "%zu hosts are silent: %s (bianyun hosts list)", f->n_silent, who);
        return;
    }
    struct text s = text_on(since, sizeof(since));

    text_add_span(&s, (f->now_ms - f->silent_since_ms) / 1000 * 1000);
    text_add(&t, "%zu hosts are silent, the longest for %s: %s (bianyun hosts list)", f->n_silent,
             since, who);
}

static void
judge_pools(const struct health_facts *f, struct list *l)
{
    char which[400];
    struct text t;

    if (f->n_idle == 0)
        return;
    (void)names(which, sizeof(which), f->idle, f->n_idle);
    t = finding(l, true);
    text_add(&t,
             "new volumes of shared pools wait, their stewards do nothing for them: %s (bianyun "
             "pools list)",
             which);
}

static void
judge_disk(const struct health_facts *f, struct list *l)
{
    struct text t;

    if (f->disk_size == 0 || (f->disk_free >= DISK_LOW && f->disk_free >= f->disk_size / 20))
        return;
    t = finding(l, true);
    text_add(&t,
             "the disk of the store has %lld MiB left of %lld: when it is full nothing is "
             "acknowledged any more",
             (long long)(f->disk_free / 1048576), (long long)(f->disk_size / 1048576));
}

static void
judge_orders(const struct health_facts *f, struct list *l)
{
    struct text t;

    if (f->clocks_overdue > 0) {
        t = finding(l, false);
        text_add(&t, "%lld legal clocks are overdue (bianyun clocks list --overdue)",
                 (long long)f->clocks_overdue);
    }
    if (f->orders_overdue > 0) {
        t = finding(l, false);
        text_add(&t,
                 "%lld orders are open although their grant's clock has run out (bianyun "
                 "orders list --open)",
                 (long long)f->orders_overdue);
    }
    if (f->order_oldest_ms != 0 && f->now_ms - f->order_oldest_ms > ORDER_OLD_MS) {
        char age[40];
        struct text s = text_on(age, sizeof(age));

        text_add_span(&s, (f->now_ms - f->order_oldest_ms) / MIN_MS * MIN_MS);
        t = finding(l, false);
        text_add(&t, "an order has been open for %s (bianyun orders list --open)", age);
    }
}

static void
judge_speed(const struct health_facts *f, struct list *l)
{
    struct text t;

    if (f->commit_p99_us > COMMIT_SLOW_US) {
        t = finding(l, false);
        text_add(&t, "one of a hundred commits takes %lld ms: look at the disk of the store",
                 (long long)(f->commit_p99_us / 1000));
    }
    if (f->dispatch_p99_us > DISPATCH_SLOW_US) {
        t = finding(l, false);
        text_add(&t, "one of a hundred orders waits %lld s for its host",
                 (long long)(f->dispatch_p99_us / 1000000));
    }
}

static void
judge_rest(const struct health_facts *f, struct list *l)
{
    struct text t;

    if (f->hosts_ready > 0 && f->ledger_ms - f->witnessed_ms > WITNESS_LAG_MS &&
        f->now_ms - f->ledger_ms > 2 * MIN_MS) {
        t = finding(l, false);
        text_add(&t, "no host has witnessed what the ledger wrote lately: do the hosts reach the "
                     "agents' listener?");
    }
    if (f->notices_dead > 0) {
        t = finding(l, false);
        text_add(&t, "%lld mails or posts were given up (bianyun notices list --dead)",
                 (long long)f->notices_dead);
    }
    if (f->jobs_late > 0) {
        t = finding(l, false);
        text_add(&t,
                 "%lld jobs have not succeeded for a quarter of an hour: the log says why "
                 "(event=job.failed)",
                 (long long)f->jobs_late);
    }
}

size_t
health_judge(const struct health_facts *f, struct health_finding out[HEALTH_MAX])
{
    struct list l = {.at = out};

    judge_time(f, &l);
    judge_books(f, &l);
    judge_hosts(f, &l);
    judge_pools(f, &l);
    judge_disk(f, &l);
    judge_orders(f, &l);
    judge_speed(f, &l);
    judge_rest(f, &l);
    return l.n;
}
