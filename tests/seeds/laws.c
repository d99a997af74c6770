/* What must hold whatever happens: the seven rules of the design, each by its number.
 *
 * Hosts are looked at after every call that changes something, so that no state between two steps
 * of a seed is missed; the store after every step; all of it once more when all is mended. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/facts.h"
#include "controller/controller.h"
#include "drivers/virt/virt_fake_dom.h"
#include "drivers/virt/virt_fake_world.h"
#include "tests/seeds/fiber.h"
#include "tests/seeds/sim.h"
#include "tests/sim/books.h"

enum { THINGS = 128, RIGHTS = 256, ACKED = 1024, HANDS = 64 };
enum what { A_DOM, A_VOL, A_NET };

/* Something on a host. */
struct thing {
    enum what what;
    char id[W_ID];
    bool ours, running, blank; /* blank: overwritten */
    uint64_t generation;       /* of its mark */
};
/* What a host was ever allowed to do with a resource: its newest receipt, kept over lost folders.
 */
struct right {
    char id[W_ID], root[W_ID], seed[W_ID];
    int kind, wanted;
    uint64_t term, generation;
    bool filled;
    int64_t hold_ms, binned_ns; /* true time; 0: not in the recycle bin */
};

static struct {
    struct thing thing[SIM_HOSTS][THINGS];
    int n_things[SIM_HOSTS];
    struct right right[SIM_HOSTS][RIGHTS];
    int n_rights[SIM_HOSTS];
    char acked[ACKED][W_ID];
    int n_acked;
    char hand[HANDS][W_ID];
    int n_hands;
    bool all_by_hand;
    bool lost[SIM_HOSTS]; /* its receipts, once */
    bool went_back;       /* the store, to an older backup */
    int64_t ledger_seq, ledger_ms;
} law;

void
laws_break(const char *name, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    if (sim.broken[0] != '\0')
        return;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)snprintf(sim.broken, sizeof(sim.broken), "law %s: %s", name, text);
    sim_trace("BROKEN %s", sim.broken);
}

void
laws_begin(void)
{
    memset(&law, 0, sizeof(law));
}

/* ---- what a host may ----------------------------------------------------------------------------
 */

static struct right *
right_of(int host, const char *id)
{
    for (int i = 0; i < law.n_rights[host]; i++)
        if (strcmp(law.right[host][i].id, id) == 0)
            return &law.right[host][i];
    return NULL;
}

/* Of a volume: its own, or that of the machine whose root or seed it is. */
static struct right *
right_of_volume(int host, const char *id, bool *seed)
{
    *seed = false;
    for (int i = 0; i < law.n_rights[host]; i++) {
        struct right *r = &law.right[host][i];

        *seed = strcmp(r->seed, id) == 0;
        if (strcmp(r->id, id) == 0 || strcmp(r->root, id) == 0 || *seed)
            return r;
    }
    return NULL;
}

static void
right_note(int host, const struct receipt *t)
{
    struct right *r = right_of(host, t->id);
    const struct w_order *o = &t->order;

    if (r == NULL) {
        if (law.n_rights[host] == RIGHTS)
            return;
        r = &law.right[host][law.n_rights[host]++];
        (void)snprintf(r->id, sizeof(r->id), "%s", t->id);
    }
    if (o->term < r->term || (o->term == r->term && o->generation < r->generation))
        laws_break("2 receipts only rise", "%s on %s fell from (%llu, %llu) to (%llu, %llu)", t->id,
                   sim.host[host].name, (unsigned long long)r->term,
                   (unsigned long long)r->generation, (unsigned long long)o->term,
                   (unsigned long long)o->generation);
    if (o->wanted == WANT_BINNED && r->wanted != WANT_BINNED && r->wanted != WANT_ABSENT)
        r->binned_ns = fiber_now_ns();
    if (o->wanted < WANT_BINNED)
        r->binned_ns = 0;
    r->term = o->term;
    r->generation = o->generation;
    r->wanted = (int)o->wanted;
    r->kind = (int)o->kind;
    r->hold_ms = t->hold_ms;
    r->filled = o->kind == RES_VM ? t->facts.root_fill == FILL_DONE : t->facts.fill == FILL_DONE;
    if (o->kind == RES_VM) {
        (void)snprintf(r->root, sizeof(r->root), "%s", o->vm.root_volume);
        (void)snprintf(r->seed, sizeof(r->seed), "%s", o->vm.seed_volume);
    }
}

/* What is in memory is durable (receipts.h); that it is in the file is looked at with each step. */
void
laws_orders(const struct sim_host *h)
{
    const struct receipts *r = h->ag == NULL ? NULL : h->ag->receipts;

    for (size_t i = 0; r != NULL && i < receipts_count(r); i++)
        right_note((int)(h - sim.host), receipts_at(r, i));
}

static void
receipts_are_durable(const struct sim_host *h)
{
    const struct receipts *mine = h->ag == NULL ? NULL : h->ag->receipts;
    SCOPED(receipts_free) struct receipts *file = NULL;
    struct err e = {0};

    if (mine == NULL || receipts_lost(mine))
        return;
    if (receipts_read(h->ag->id.receipts_dir, h->ag->id.receipts, &file, &e) < 0) {
        laws_break("3 receipts are durable", "%s: %s", h->name, e.msg);
        return;
    }
    for (size_t i = 0; i < receipts_count(mine); i++) {
        const struct receipt *a = receipts_at(mine, i), *b = receipts_find(file, a->id);

        if (b == NULL || b->order.term != a->order.term ||
            b->order.generation != a->order.generation)
            laws_break("3 receipts are durable", "%s acts by a receipt of %s that is not on disk",
                       h->name, a->id);
    }
}

/* ---- what is on a host --------------------------------------------------------------------------
 */

void
laws_by_hand(const char *id)
{
    if (law.n_hands < HANDS)
        (void)snprintf(law.hand[law.n_hands++], W_ID, "%s", id);
}

void
laws_all_by_hand(const struct sim_host *h)
{
    (void)h;
    law.all_by_hand = true;
}

static bool
by_hand(const char *id)
{
    if (law.all_by_hand)
        return true;
    for (int i = 0; i < law.n_hands; i++)
        if (strcmp(law.hand[i], id) == 0)
            return true;
    return false;
}

/* An image keeps its first bytes as long as nobody overwrites it. */
static bool
is_blank(const char *path)
{
    char head[4] = {1};
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return false;
    if (read(fd, head, sizeof(head)) != (ssize_t)sizeof(head))
        head[0] = 1;
    (void)close(fd);
    return memcmp(head, "\0\0\0\0", 4) == 0;
}

static void
add_thing(struct thing *out, int *n, const struct thing *t)
{
    if (*n < THINGS)
        out[(*n)++] = *t;
}

static void
scan_doms(const struct sim_host *h, struct thing *out, int *n)
{
    SCOPED(arena) struct arena a = {0};
    const char *const *ids;
    struct err e = {0};
    size_t count = 0;

    if (fake_names(h->world, "dom", ".dom", &a, &ids, &count, &e) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct thing t = {.what = A_DOM};
        struct virt_dom_seen s = {.ours = false};
        struct fake_dom d;

        if (fake_dom_load(h->world, ids[i], &a, &d, &e) < 0 ||
            fake_dom_see(h->world, ids[i], &d, &a, &s, &e) < 0)
            continue;
        (void)snprintf(t.id, sizeof(t.id), "%s", ids[i]);
        t.ours = s.ours;
        t.running = d.live != NULL;
        t.generation = s.mark.generation;
        add_thing(out, n, &t);
    }
}

static void
scan_files(const struct sim_host *h, struct thing *out, int *n)
{
    SCOPED(arena) struct arena a = {0};
    const char *const *names;
    struct err e = {0};
    size_t count = 0;
    char path[500];

    if (fake_names(h->pool, "", "", &a, &names, &count, &e) == 0) {
        for (size_t i = 0; i < count; i++) {
            struct thing t = {.what = A_VOL, .ours = true};

            if (strncmp(names[i], "by-", 3) != 0 || strlen(names[i]) != 39)
                continue;
            (void)snprintf(t.id, sizeof(t.id), "%s", names[i] + 3);
            (void)snprintf(path, sizeof(path), "%s/%s", h->pool, names[i]);
            t.blank = is_blank(path);
            add_thing(out, n, &t);
        }
    }
    if (fake_names(h->world, "net", ".json", &a, &names, &count, &e) < 0)
        return;
    for (size_t i = 0; i < count; i++) {
        struct thing t = {.what = A_NET, .ours = true, .running = false};

        (void)snprintf(t.id, sizeof(t.id), "%s", names[i]);
        add_thing(out, n, &t);
    }
}

static const struct thing *
find(const struct thing *list, int n, const struct thing *t)
{
    for (int i = 0; i < n; i++)
        if (list[i].what == t->what && strcmp(list[i].id, t->id) == 0)
            return &list[i];
    return NULL;
}

static const struct right *
right_for(int host, const struct thing *t, bool *seed)
{
    *seed = false;
    return t->what == A_VOL ? right_of_volume(host, t->id, seed) : right_of(host, t->id);
}

bool
laws_in_flight(const struct sim_host *h, const char *id)
{
    const struct track *k = h->ag == NULL ? NULL : track_find(&h->ag->tracks, id);

    return k != NULL && k->busy;
}

/* A call about it was begun before its newest order came. */
static bool
in_flight(int host, const char *id)
{
    return laws_in_flight(&sim.host[host], id);
}

static void
appeared(int host, const struct thing *t)
{
    const char *name = sim.host[host].name;
    bool seed;

    if (by_hand(t->id))
        return;
    if (!t->ours) {
        laws_break("2 nothing without an order", "%s: %s has no mark of ours", name, t->id);
        return;
    }
    if (right_for(host, t, &seed) == NULL)
        laws_break("2 nothing without an order", "%s has %s, no order that it holds says so", name,
                   t->id);
    for (int i = 0; i < SIM_HOSTS; i++)
        if (i != host && t->what != A_NET && find(law.thing[i], law.n_things[i], t) != NULL)
            laws_break("4 one host", "%s is on %s and on %s", t->id, name, sim.host[i].name);
}

/* Taken away or overwritten: only by an order that says absent, and after the hold. */
static void
taken(int host, const struct thing *t, const char *how)
{
    const char *name = sim.host[host].name;
    const struct right *r;
    int64_t held;
    bool seed;

    if (by_hand(t->id))
        return;
    r = right_for(host, t, &seed);
    if (!t->ours || r == NULL) {
        laws_break("4 foreign is never touched", "%s: %s %s", name, t->id, how);
        return;
    }
    if (t->what == A_VOL && (seed || !r->filled) &&
        (r->wanted < WANT_BINNED || in_flight(host, r->id)))
        return; /* what was never filled is made anew */
    if (r->wanted != WANT_ABSENT) {
        laws_break("2 absence never acts", "%s: %s %s, its newest order wants it %s", name, t->id,
                   how, w_wanted_names[r->wanted]);
        return;
    }
    held = r->binned_ns == 0 ? 0 : (fiber_now_ns() - r->binned_ns) / 1000000;
    if (t->what != A_NET && held < r->hold_ms - 1000)
        laws_break("5 the staircase", "%s: %s %s after %lld ms in the recycle bin, not %lld", name,
                   t->id, how, (long long)held, (long long)r->hold_ms);
}

static void
changed(int host, const struct thing *was, const struct thing *is)
{
    const char *name = sim.host[host].name;
    const struct right *r = right_of(host, is->id);

    if (is->blank && !was->blank)
        taken(host, is, "was overwritten");
    if (is->ours && !was->ours && !by_hand(is->id))
        laws_break("4 foreign is never touched", "%s: %s was marked as ours", name, is->id);
    if (is->what != A_DOM || was->running == is->running || by_hand(is->id))
        return;
    if (!is->ours || r == NULL)
        laws_break("4 foreign is never touched", "%s: %s was %s", name, is->id,
                   is->running ? "started" : "stopped");
    else if (is->running && r->wanted != WANT_RUNNING && !in_flight(host, is->id))
        laws_break("2 only an order starts", "%s: %s runs, its newest order wants it %s", name,
                   is->id, w_wanted_names[r->wanted]);
    else if (!is->running && r->wanted == WANT_RUNNING && was->generation >= r->generation)
        laws_break("2 only an order stops", "%s: %s was stopped, no order says so", name, is->id);
}

bool
laws_has(const struct sim_host *h, const char *id)
{
    struct thing t = {.what = A_DOM};

    (void)snprintf(t.id, sizeof(t.id), "%s", id);
    return find(law.thing[h - sim.host], law.n_things[h - sim.host], &t) != NULL;
}

void
laws_world(struct sim_host *h)
{
    static struct thing now[THINGS];
    int host = (int)(h - sim.host), n = 0;

    laws_orders(h);
    scan_doms(h, now, &n);
    scan_files(h, now, &n);
    for (int i = 0; i < n; i++) {
        const struct thing *was = find(law.thing[host], law.n_things[host], &now[i]);

        if (was == NULL)
            appeared(host, &now[i]);
        else
            changed(host, was, &now[i]);
    }
    for (int i = 0; i < law.n_things[host]; i++)
        if (find(now, n, &law.thing[host][i]) == NULL)
            taken(host, &law.thing[host][i], "is gone");
    memcpy(law.thing[host], now, sizeof(now[0]) * (size_t)n);
    law.n_things[host] = n;
    law.n_hands = 0;
    law.all_by_hand = false;
}

/* ---- the store ----------------------------------------------------------------------------------
 */

void
laws_acknowledged(const struct w_accepted *acc)
{
    for (size_t i = 0; i < acc->orders.n && law.n_acked < ACKED; i++)
        (void)snprintf(law.acked[law.n_acked++], W_ID, "%s",
                       JM_ITEM(acc->orders, struct w_order_view, i)->id);
}

/* What it was allowed it still knows of nowhere, until it is restated; what it did stays. */
void
laws_receipts_lost(const struct sim_host *h)
{
    int host = (int)(h - sim.host);

    law.lost[host] = true;
    for (int i = 0; i < law.n_rights[host]; i++)
        law.right[host][i].term = law.right[host][i].generation = 0;
}

void
laws_store_goes_back(void)
{
    law.went_back = true;
    law.n_acked = 0;
    law.ledger_seq = law.ledger_ms = 0;
}

static void
zero(const char *name, const char *sql)
{
    int64_t n = query_int(sql);

    if (n != 0)
        laws_break(name, "%lld by %s", (long long)n, sql);
}

static void
acknowledged_is_there(void)
{
    char sql[200];

    for (int i = 0; i < law.n_acked; i++) {
        (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM order_ WHERE id='%s'", law.acked[i]);
        if (query_int(sql) != 1)
            laws_break("1 acknowledged is durable", "order %s was acknowledged and is lost",
                       law.acked[i]);
    }
}

static void
ledger_goes_on(void)
{
    struct query_row r;
    char sql[300];

    if (query_rows("SELECT seq, at_ms FROM ledger ORDER BY seq DESC LIMIT 1", &r, 1) != 1)
        return;
    if (strtoll(r.col[0], NULL, 10) < law.ledger_seq || strtoll(r.col[1], NULL, 10) < law.ledger_ms)
        laws_break("7 the ledger goes on", "it fell from entry %lld to %s, or its time did",
                   (long long)law.ledger_seq, r.col[0]);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM ledger a LEFT JOIN ledger b ON b.seq=a.seq-1 WHERE "
                   "a.seq>%lld AND a.seq>1 AND (b.seq IS NULL OR b.at_ms>a.at_ms)",
                   (long long)law.ledger_seq);
    zero("7 the ledger goes on", sql);
    law.ledger_seq = strtoll(r.col[0], NULL, 10);
    law.ledger_ms = strtoll(r.col[1], NULL, 10);
}

static void
quota_is_right(void)
{
    char name[64];

    for (size_t i = 0; i < ARRAY_LEN(books); i++) {
        (void)snprintf(name, sizeof(name), "1 %s", books[i].name);
        zero(name, books[i].sql);
    }
}

static void
staircase_is_kept(void)
{
    zero(
        "5 erased after the bin",
        "SELECT count(*) FROM order_ e WHERE e.verb=7 AND e.kind<>3 AND NOT EXISTS(SELECT 1 FROM "
        "order_ b WHERE b.resource=e.resource AND b.verb=5 AND b.generation<e.generation) AND "
        "(SELECT count(*) FROM order_ b WHERE b.resource=e.resource AND b.generation<e.generation)="
        "e.generation-1"); /* of what came back with receipts only the newest is known */
    zero("5 a certificate for what is erased",
         "SELECT count(*) FROM resource WHERE kind<>3 AND absent_ms>0 AND certificate=''");
}

void
laws_step(void)
{
    for (int i = 0; i < SIM_HOSTS; i++) {
        laws_world(&sim.host[i]);
        receipts_are_durable(&sim.host[i]);
    }
    if (!sim.up)
        return;
    ledger_goes_on();
    quota_is_right();
    staircase_is_kept();
    acknowledged_is_there();
}

/* ---- when all is mended
 * --------------------------------------------------------------------------- */

/* Some things wait for a person and say so: a running guest that could not be grown, two that an
 * older backup gave one place of a grant, and after the
 * loss of its receipts a host does not make what it cannot tell from what was lost. */
static bool
waits_for_a_person(const struct query_row *r)
{
    int host = (int)strtol(r->col[7] + 1, NULL, 10) - 1;
    char sql[200];

    (void)snprintf(
        sql, sizeof(sql),
        "SELECT count(*) FROM ledger WHERE act='recovery.left' AND body LIKE '%%%.40s%%'",
        r->col[0]);
    if (query_int(sql) > 0)
        return true;
    /* Ordered after an older backup was put back and before that was known, it may have the
     * generation of an order that its host holds: refused, until the unit orders something anew. */
    if (law.went_back && strcmp(r->col[3], r->col[5]) == 0 && strcmp(r->col[6], "0") == 0)
        return true;

    if (strtol(r->col[4], NULL, 10) == SEEN_FAILED)
        return strncmp(r->col[9], "grow ", 5) == 0;
    return law.lost[host] && (strtol(r->col[4], NULL, 10) == SEEN_MISSING ||
                              strstr(r->col[9], "no receipt says") != NULL);
}

static void
converged(void)
{
    static struct query_row r[64];
    int n = query_rows("SELECT r.id, r.kind, r.wanted, r.generation, r.seen, r.seen_generation, "
                       "r.seen_equal, h.name, r.seen_code, r.seen_reason FROM resource r JOIN host "
                       "h ON h.id=r.host WHERE r.absent_ms=0 AND NOT (r.seen_equal=1 AND "
                       "r.seen_generation=r.generation AND r.seen_term=r.term) ORDER BY r.id",
                       r, 64);

    for (int i = 0; i < n; i++)
        if (!waits_for_a_person(&r[i]))
            laws_break("2 it converges",
                       "%s kind %s on %s wanted %s generation %s, seen %s generation %s equal %s: "
                       "%s %s",
                       r[i].col[0], r[i].col[1], r[i].col[7], r[i].col[2], r[i].col[3], r[i].col[4],
                       r[i].col[5], r[i].col[6], r[i].col[8], r[i].col[9]);
}

static void
orders_close(void)
{
    zero(
        "3 done is read back",
        "SELECT count(*) FROM order_ o JOIN resource r ON r.id=o.resource WHERE o.closed_ms=0 AND "
        "o.superseded_ms=0 AND r.absent_ms=0 AND r.seen_equal=1 AND r.seen_generation=r.generation "
        "AND r.seen_term=r.term");
}

/* An older backup was put back: grants and plans came again from hosts' receipts, what they rest on
 * did not. */
static bool
rests_on_what_is_lost(const struct w_explanation *why)
{
    bool said = false;

    for (size_t k = 0; k < why->lines.n; k++) {
        const char *text = JM_ITEM(why->lines, struct w_explain_line, k)->text;

        sim_trace("%s", text);
        said = said || strstr(text, "the ledger does not hold ") != NULL;
    }
    return said && law.went_back;
}

static void
explained(void)
{
    struct flow *f = &sim.f;
    struct query_row r[32];
    int n = query_rows("SELECT id FROM resource ORDER BY id", r, 32);

    for (int i = 0; i < n; i++) {
        struct w_explanation why;

        if (FLOW_CALL(f, f->people[FLOW_TENANT], "GET", flow_text(f, "/v1/explain/%s", r[i].col[0]),
                      NULL, explanation, &why) < 0)
            laws_break("6 explained", "%s: %s", r[i].col[0], f->err.msg);
        else if (!why.replay_equal && !rests_on_what_is_lost(&why))
            laws_break("6 replayed equal", "%s", r[i].col[0]);
    }
}

/* Nothing of ours is anywhere that the store does not know, and what is done is seen to be. */
static void
known(void)
{
    char sql[300];

    for (int h = 0; h < SIM_HOSTS; h++) {
        for (int i = 0; i < law.n_things[h]; i++) {
            const struct thing *t = &law.thing[h][i];
            const struct right *r;
            bool seed;

            if (!t->ours || (r = right_for(h, t, &seed)) == NULL)
                continue;
            (void)snprintf(sql, sizeof(sql),
                           "SELECT (SELECT count(*) FROM resource WHERE id='%s' AND host='%s' AND "
                           "absent_ms=0)+(SELECT count(*) FROM unregistered WHERE id='%s')",
                           r->id, sim.host[h].id, r->id);
            if (query_int(sql) < 1)
                laws_break("3 what is there is known", "%s has %s, the store does not know it",
                           sim.host[h].name, t->id);
        }
    }
}

/* And the other way round: what the store says was read back is there. */
static void
told_is_there(void)
{
    static struct query_row r[128];
    int n = query_rows("SELECT r.id, h.name FROM resource r JOIN host h ON h.id=r.host WHERE "
                       "r.kind=1 AND r.absent_ms=0 AND r.wanted<4 AND r.seen_equal=1 ORDER BY r.id",
                       r, 128);

    for (int i = 0; i < n; i++)
        if (!laws_has(&sim.host[strtol(r[i].col[1] + 1, NULL, 10) - 1], r[i].col[0]))
            laws_break("3 done is read back", "%s is said to be on %s, and is not", r[i].col[0],
                       r[i].col[1]);
}

void
laws_end(void)
{
    struct err e = {0};
    uint64_t n = 0;

    laws_step();
    if (!sim.up) {
        laws_break("1 the controller is there", "it is not");
        return;
    }
    if (controller_recovery(&sim.f.ctl.c))
        laws_break("3 recovery", "the controller is in recovery, and no backup was put back");
    converged();
    orders_close();
    known();
    told_is_there();
    zero("3 hosts come back", "SELECT count(*) FROM host WHERE state<>'ready'");
    explained();
    if (ctl_verify(&sim.f.ctl, &n, &e) < 0)
        laws_break("7 the ledger verifies", "%s", e.msg);
}
