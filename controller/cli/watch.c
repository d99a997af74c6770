/* Following orders until their hosts have read them back. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "controller/cli/cli.h"
#include "drivers/base/clock.h"
#include "policies/sentence.h"

#define POLL_MS 200
#define ASK_AT_ONCE 16 /* orders asked about in one round: a person waits, a controller works */

struct watch {
    const struct jm_list *orders; /* of struct w_order_view */
    bool *closed;
    size_t open, next; /* next: where the coming round begins */
    char why[160];     /* what one of them waits for, in the language of this run */
};

/* Ask about one order; what was read is thrown away again. */
static int
watch_one(struct cli *c, struct watch *w, size_t i, struct err *e)
{
    const struct w_order_view *o = JM_ITEM(*w->orders, const struct w_order_view, i);
    struct arena kept = c->a;
    struct w_order_view now;
    char path[80];
    int rc;

    (void)snprintf(path, sizeof(path), "/v1/orders/%s", o->id);
    c->a = (struct arena){0};
    rc = CLI_GET(c, path, order_view, &now, e);
    if (rc == 0 && (now.closed_at_ms != 0 || now.superseded)) {
        w->closed[i] = true;
        w->open--;
    } else if (rc == 0) {
        struct text t = text_on(w->why, sizeof(w->why));

        text_add(&t, "%s%s", now.name, now.reason == NULL ? "" : c->lang == SAY_ZH ? "：" : ": ");
        sentence_add(c->lang, now.reason == NULL ? "" : now.reason, &t);
    }
    arena_clear(&c->a);
    c->a = kept;
    return rc;
}

static int
watch_round(struct cli *c, struct watch *w, struct err *e)
{
    size_t n = w->orders->n, asked = 0;

    for (size_t k = 0; k < n && asked < ASK_AT_ONCE; k++) {
        size_t i = w->next;

        w->next = (w->next + 1) % n;
        if (w->closed[i])
            continue;
        asked++;
        if (watch_one(c, w, i, e) < 0)
            return -1;
    }
    return 0;
}

/* On a terminal one line that changes; elsewhere a line for each change. */
static void
watch_tell(const struct cli *c, const struct watch *w, size_t before, int64_t ms)
{
    bool live = isatty(STDERR_FILENO) != 0;

    if (!live && before == w->open)
        return;
    fputs(live ? "\r\033[K" : "", stderr);
    fprintf(stderr, say(c->lang, "%zu of %zu orders read back, %lld.%lld s"),
            w->orders->n - w->open, w->orders->n, (long long)ms / 1000, (long long)ms % 1000 / 100);
    if (w->open > 0 && w->why[0] != '\0')
        fprintf(stderr, c->lang == SAY_ZH ? "；%s" : "; %s", w->why);
    fputs(live && w->open > 0 ? "" : "\n", stderr);
}

int
watch_orders(struct cli *c, const struct w_accepted *acc, struct err *e)
{
    struct watch w = {.orders = &acc->orders, .open = acc->orders.n};
    int64_t limit_ms, start_ms = clock_mono_ms();
    size_t before = w.open + 1;

    if (cli_opt_ms(c, "timeout", 600000, &limit_ms, e) < 0)
        return -1;
    w.closed = arena_alloc(&c->a, (w.open + 1) * sizeof(*w.closed));
    while (w.open > 0) {
        int64_t ms;

        if (watch_round(c, &w, e) < 0)
            return err_wrap(e, "following the orders (they go on without this command)");
        ms = clock_mono_ms() - start_ms;
        watch_tell(c, &w, before, ms);
        before = w.open;
        if (w.open > 0 && ms > limit_ms)
            return err_set(e, BY_E_TIMEOUT,
                           "%zu orders are still open; %s; they go on without this command, see "
                           "'bianyun orders list --open'",
                           w.open, w.why);
        if (w.open > 0)
            (void)nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
    return 0;
}
