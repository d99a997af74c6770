/* Machines that were there (存量): listed, claimed by a unit, confirmed by the bureau with its own
 * key, here. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controller/cli/commands.h"
#include "drivers/base/clock.h"
#include "drivers/codec/adoptwire.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"

#define DAY_MS ((int64_t)86400000)
#define GIB ((uint64_t)1 << 30)
enum { CLAIMS_MAX = 64, CHINA_S = 8 * 3600, DEFAULT_DAYS = 3650 };

int
cmd_unregistered_list(struct cli *c, struct err *e)
{
    struct w_unregistered_list l;

    if (CLI_LIST(c, "/v1/unregistered", unregistered_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_unregistered_list, &l,
                          "kind name seen claim vcpus mem_mib bytes owner host_name as_of_ms id",
                          e);
}

/* ---- one machine, for people ---- */

static void
print_flags(struct cli *c, const struct w_found *f)
{
    const struct {
        bool on;
        const char *words;
    } rows[] = {
        {f->job, "a migration or other job is running"},
        {f->saved, "memory saved to disk"},
        {f->transient, "no persistent definition"},
        {f->unequal, "runs with other sizes than its definition"},
        {f->autostart, "autostart on (is turned off when taken over)"},
        {!f->balloon, "no balloon: memory in use stays unknown"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].on)
            cli_line(c, stdout, "  note: %s", rows[i].words);
    if (f->snapshots > 0)
        cli_line(c, stdout, "  note: %u snapshots", f->snapshots);
}

static void
print_found(struct cli *c, const struct w_found *f)
{
    const struct w_adoption *p = &f->parts;

    cli_line(c, stdout, "machine %s (%s), %s, %u vCPUs (at most %u), %llu MiB, %s", p->name, p->id,
             f->state, p->vcpus, p->vcpus_max, (unsigned long long)p->mem_mib,
             w_firmware_names[p->firmware]);
    for (size_t i = 0; i < p->disks.n; i++) {
        const struct w_found_disk *d = JM_ITEM(p->disks, const struct w_found_disk, i);

        cli_line(c, stdout, "disk %s %s %s %s %llu bytes%s%s%s", d->target, d->kind,
                 d->path == NULL ? "-" : d->path, d->format, (unsigned long long)d->bytes,
                 d->shared ? ", shared or read-only" : "", d->backing == NULL ? "" : ", over ",
                 d->backing == NULL ? "" : d->backing);
    }
    for (size_t i = 0; i < p->nics.n; i++) {
        const struct w_found_nic *n = JM_ITEM(p->nics, const struct w_found_nic, i);

        cli_line(c, stdout, "card %s %s %s", n->mac, n->kind, n->source);
    }
    if (f->owner[0] != '\0')
        cli_line(c, stdout, "owner: %s", f->owner);
    if (f->metadata != NULL)
        cli_line(c, stdout, "metadata: %s", f->metadata);
    if (f->host_devices != NULL)
        cli_line(c, stdout, "FORBIDDEN passed-through host devices: %s", f->host_devices);
    print_flags(c, f);
}

int
cmd_unregistered_show(struct cli *c, struct err *e)
{
    struct w_unregistered_detail d;

    if (CLI_GET(c, arena_printf(&c->a, "/v1/unregistered/%s", cli_escape(c, c->argv[0])),
                unregistered_detail, &d, e) < 0)
        return -1;
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_unregistered_detail, &d, e);
    if (cli_print_one(c, schema_unregistered_view, &d.object, e) < 0)
        return -1;
    if (d.found.parts.id[0] != '\0')
        print_found(c, &d.found);
    return 0;
}

/* ---- claims ---- */

int
cmd_adopt_claim(struct cli *c, struct err *e)
{
    struct w_claim_request in = {.reason = cli_opt(c, "reason")};
    struct w_claim_view out;
    struct w_system s;
    const char *system;

    if (cli_need(c, "system", &system, e) < 0 || cli_find_system(c, system, &s, e) < 0 ||
        cli_copy(in.vm, sizeof(in.vm), "VM", c->argv[0], e) < 0)
        return -1;
    memcpy(in.system, s.id, sizeof(in.system));
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/claims", claim_request, &in, claim_view, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_claim_view, &out, e);
}

int
cmd_adopt_list(struct cli *c, struct err *e)
{
    struct w_claim_list l;

    if (CLI_LIST(c, "/v1/claims", claim_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_claim_list, &l,
                          "state name unit_name system_name host_name rivals at_ms vm id", e);
}

static int
claim_fetch(struct cli *c, const char *id, struct w_claim_detail *d, struct err *e)
{
    return CLI_GET(c, arena_printf(&c->a, "/v1/claims/%s", cli_escape(c, id)), claim_detail, d, e);
}

int
cmd_adopt_show(struct cli *c, struct err *e)
{
    struct w_claim_detail d;

    if (claim_fetch(c, c->argv[0], &d, e) < 0)
        return -1;
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_claim_detail, &d, e);
    if (cli_print_one(c, schema_claim_view, &d.claim, e) < 0)
        return -1;
    if (d.found.parts.id[0] != '\0')
        print_found(c, &d.found);
    return 0;
}

static int
claim_end(struct cli *c, const char *verb, struct err *e)
{
    struct w_claim_decision in = {0};
    struct w_claim_view out;

    if (cli_need(c, "reason", &in.reason, e) < 0)
        return -1;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/claims/%s:%s", cli_escape(c, c->argv[0]), verb),
                 claim_decision, &in, claim_view, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_claim_view, &out, e);
}

int
cmd_adopt_refuse(struct cli *c, struct err *e)
{
    return claim_end(c, "refuse", e);
}

int
cmd_adopt_withdraw(struct cli *c, struct err *e)
{
    return claim_end(c, "withdraw", e);
}

/* ---- confirming ---- */

/* The beginning of that day in the city. */
static int
opt_day(struct cli *c, const char *option, int64_t fallback, int64_t *out, struct err *e)
{
    const char *s = cli_opt(c, option), *end;
    struct tm tm = {0};

    *out = fallback;
    if (s == NULL)
        return 0;
    end = strptime(s, "%Y-%m-%d", &tm);
    if (end == NULL || *end != '\0')
        return err_set(e, BY_E_INVALID, "--%s takes a day as YYYY-MM-DD, not '%s'", option, s);
    *out = ((int64_t)timegm(&tm) - CHINA_S) * 1000;
    return 0;
}

/* A display name from a name in libvirt: what a form cannot take becomes a dash. */
static void
display_name(const struct w_adoption *p, char out[W_NAME])
{
    size_t n = 0;

    for (const char *s = p->name; *s != '\0' && n < 63; s++)
        out[n++] = strchr("<>&\"'`$;|*?/\\", *s) != NULL ? '-' : *s;
    while (n > 0 && (out[n - 1] == ' ' || out[n - 1] == '.'))
        n--;
    out[n] = '\0';
    if (n == 0 || out[0] == ' ' || out[0] == '.' || strlen(p->name) > 63)
        (void)snprintf(out, W_NAME, "vm-%.8s", p->id);
}

static int
line_add(struct cli *c, const char *id, struct w_grant *g, struct w_grant_line *l, struct err *e)
{
    struct w_claim_detail *d = arena_alloc(&c->a, sizeof(*d));

    if (claim_fetch(c, id, d, e) < 0)
        return -1;
    if (strcmp(d->claim.state, "claimed") != 0)
        return err_set(e, BY_E_CONFLICT, "the claim to %s is %s", d->claim.name, d->claim.state);
    if (d->claim.obstacle != NULL && !d->found.job)
        return err_set(e, BY_E_CONFLICT, "%s: %s", d->claim.name, d->claim.obstacle);
    if (g->system[0] != '\0' && strcmp(g->system, d->claim.system) != 0)
        return err_set(e, BY_E_INVALID,
                       "the claims are for several systems: one approval, one system");
    memcpy(g->system, d->claim.system, sizeof(g->system));
    memcpy(g->unit, d->claim.unit, sizeof(g->unit));
    l->kind = RES_VM;
    l->count = 1;
    l->adopt = d->found.parts;
    memcpy(l->adopt.host, d->claim.host, sizeof(l->adopt.host));
    l->vcpus = l->adopt.vcpus;
    l->mem_mib = l->adopt.mem_mib;
    l->disk_gib = (adopt_disk_bytes(&l->adopt) + GIB - 1) / GIB;
    display_name(&l->adopt, l->name);
    cli_line(c, stderr, "claim of %s for %s", d->claim.unit_name, d->claim.system_name);
    if (d->claim.rivals > 0)
        cli_line(c, stderr, "others claim it too: they will be refused");
    return 0;
}

static int
lines_fill(struct cli *c, struct w_grant *g, struct err *e)
{
    struct w_grant_line *l = arena_alloc(&c->a, CLAIMS_MAX * sizeof(*l));
    char *list = arena_strdup(&c->a, c->argv[0]), *save = NULL;
    size_t n = 0;

    for (char *id = strtok_r(list, ",", &save); id != NULL; id = strtok_r(NULL, ",", &save)) {
        if (n == CLAIMS_MAX)
            return err_set(e, BY_E_INVALID, "at most %d claims at a time", CLAIMS_MAX);
        l[n].line = (uint32_t)n + 1;
        if (line_add(c, id, g, &l[n], e) < 0)
            return -1;
        n++;
    }
    g->lines = (struct jm_list){l, n};
    return n > 0 ? 0 : err_set(e, BY_E_INVALID, "no claim is named");
}

static int
grant_fill(struct cli *c, struct w_grant *g, struct err *e)
{
    const char *number;
    struct w_account me;
    uint64_t days;
    int64_t now = clock_wall_ms();

    *g = (struct w_grant){.version = 3};
    random_uuid(g->id);
    if (cli_need(c, "number", &number, e) < 0 ||
        cli_copy(g->number, sizeof(g->number), "number", number, e) < 0 ||
        lines_fill(c, g, e) < 0 || CLI_GET(c, "/v1/me", account, &me, e) < 0 ||
        opt_day(c, "approved", now, &g->approved_at_ms, e) < 0 ||
        cli_opt_u64(c, "days", DEFAULT_DAYS, 36500, &days, e) < 0 ||
        cli_least_hold(c, &g->hold_ms, e) < 0 ||
        cli_opt_ms(c, "hold", g->hold_ms, &g->hold_ms, e) < 0 ||
        cli_hash_paper(c, "approval", true, g->approval_sha256, e) < 0 ||
        cli_hash_paper(c, "agreement", true, g->agreement_sha256, e) < 0 ||
        cli_hash_paper(c, "declaration", true, g->declaration_sha256, e) < 0)
        return -1;
    memcpy(g->approver, me.id, sizeof(g->approver));
    g->valid_from_ms = g->approved_at_ms < now ? g->approved_at_ms : now;
    g->valid_to_ms = now + (int64_t)days * DAY_MS;
    return 0;
}

static int
submit(struct cli *c, const char *paper, struct err *e)
{
    struct w_grant_request in = {.grant = paper};
    struct w_accepted out;

    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/claims:confirm", grant_request, &in, accepted, &out, e) < 0)
        return -1;
    return cli_print_accepted(c, &out, e);
}

int
cmd_adopt_confirm(struct cli *c, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(sigkey_free) struct sigkey *key = NULL;
    const char *key_file, *paper, *out = cli_opt(c, "out");
    struct w_grant g;

    if (grant_fill(c, &g, e) < 0)
        return -1;
    if (cli_opt(c, "dry-run") != NULL)
        return cli_print_one(c, schema_grant, &g, e);
    jm_encode(schema_grant, &g, &b);
    if (cli_need(c, "key", &key_file, e) < 0 || sigkey_load(key_file, &key, e) < 0 ||
        paper_sign(key, PAPER_GRANT, strbuf_peek(&b), &c->a, &paper, e) < 0)
        return -1;
    if (out == NULL)
        return submit(c, paper, e);
    if (cli_write_file(out, paper, strlen(paper), 0644, e) < 0)
        return -1;
    cli_line(c, stderr,
             "confirmation %s, number %s, signed; submit it with: bianyun adopt submit %s", g.id,
             g.number, out);
    return 0;
}

int
cmd_adopt_submit(struct cli *c, struct err *e)
{
    const char *paper;
    size_t len;

    return cli_read_file(c, c->argv[0], 524288, &paper, &len, e) < 0 ? -1 : submit(c, paper, e);
}
