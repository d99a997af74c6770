#include "controller/finding.h"

#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/notice.h"
#include "controller/own.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "controller/policy.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_grant.h"
#include "policies/rightsize.h"
#include "policies/underuse.h"

enum { EVALUATE_PAGE = 200, FINDINGS_MAX = 1000 };

_Static_assert((int)USE_ACTIVE == VERDICT_ACTIVE && (int)USE_UNDERUSED == VERDICT_UNDERUSED &&
                   (int)USE_IDLE == VERDICT_IDLE &&
                   (int)USE_NOT_ENOUGH_DATA == VERDICT_NOT_ENOUGH_DATA &&
                   (int)USE_NOT_APPLICABLE == VERDICT_NOT_APPLICABLE,
               "verdicts of policy and wire go together");

static struct use_rule
rule_of(const struct w_policy *p)
{
    return (struct use_rule){.version = p->version,
                             .window_ms = p->window_ms,
                             .min_age_ms = p->min_age_ms,
                             .min_coverage_percent = p->min_coverage_percent,
                             .p95_cpu_below = p->p95_cpu_below,
                             .peak_cpu_below = p->peak_cpu_below,
                             .under_p95_cpu_below = p->under_p95_cpu_below};
}

static const char *
not_applicable(const struct resource_row *vm)
{
    if (vm->wanted == WANT_RUNNING)
        return NULL;
    return vm->wanted == WANT_STOPPED ? "it is ordered to be stopped" : "it is in the recycle bin";
}

static void
suggest(const struct resource_row *vm, const struct usage_sum *cpu, const struct usage_sum *mem,
        struct finding_row *out)
{
    const struct size_rule rule = SIZE_RULE_DEFAULT;
    const struct size_facts facts = {.vcpus = vm->vcpus,
                                     .mem_mib = vm->mem_mib,
                                     .cpu_peak = &cpu->peak,
                                     .mem_peak = mem->peak.n > 0 ? &mem->peak : NULL};
    char why[USE_REASON_MAX];

    if (out->verdict != VERDICT_IDLE && out->verdict != VERDICT_UNDERUSED)
        return;
    struct size_advice x = rightsize(&rule, &facts, why, sizeof(why));
    out->suggest_vcpus = x.vcpus;
    out->suggest_mem_mib = x.mem_mib;
}

static const char *
hist_text(const struct hist *h, struct arena *a)
{
    char text[HIST_TEXT_MAX];

    return hist_encode(h, text, sizeof(text)) == 0 ? "" : arena_strdup(a, text);
}

static void
record_fill(const struct resource_row *vm, const struct w_policy *p, int64_t from_ms,
            int64_t now_ms, const struct usage_sum *cpu, struct arena *a,
            struct w_finding_record *rec)
{
    memset(rec, 0, sizeof(*rec));
    memcpy(rec->vm, vm->id, sizeof(rec->vm));
    memcpy(rec->policy, p->version, sizeof(rec->policy));
    rec->from_ms = from_ms;
    rec->to_ms = now_ms;
    rec->not_applicable = not_applicable(vm);
    rec->measured_ms = cpu->measured_ms;
    rec->cpu_avg = hist_text(&cpu->avg, a);
    rec->cpu_peak = hist_text(&cpu->peak, a);
}

/* From the record alone, so that judging and replaying cannot differ. */
static int
judge_record(const struct w_finding_record *rec, const struct w_policy *p, char *reason, size_t cap)
{
    struct use_rule rule = rule_of(p);
    struct hist avg, peak;
    struct use_facts facts = {.not_applicable = rec->not_applicable,
                              .age_ms = rec->age_ms,
                              .measured_ms = rec->measured_ms,
                              .resized = rec->resized,
                              .cpu_avg = &avg,
                              .cpu_peak = &peak};

    if (!hist_decode(rec->cpu_avg, &avg) || !hist_decode(rec->cpu_peak, &peak))
        return VERDICT_NONE;
    return (int)underuse_judge(&rule, &facts, reason, cap);
}

bool
finding_replay(const struct w_finding_record *rec, const struct w_policy *p)
{
    char reason[USE_REASON_MAX] = "";

    return judge_record(rec, p, reason, sizeof(reason)) == rec->verdict &&
           strcmp(reason, rec->reason) == 0;
}

/* What somebody else decided about its size begins the window anew, so that the same evidence
 * serves one plan only: it begins at the newest such change at the earliest, and with a whole day
 * where days are what is kept.  A unit that reshapes by itself does not begin it anew: its use is
 * counted across sizes (policies/sizes.h), else it would never be judged. */
static int64_t
window_from(const struct w_policy *p, int64_t sized_ms, int64_t now_ms)
{
    int64_t from = now_ms > p->window_ms ? now_ms - p->window_ms : 0;

    if (sized_ms <= from)
        return from;
    if (sized_ms >= now_ms)
        return now_ms;
    if (!usage_is_by_slot(sized_ms, now_ms))
        return (sized_ms + USAGE_DAY_MS - 1) / USAGE_DAY_MS * USAGE_DAY_MS;
    return sized_ms;
}

int
finding_judge(struct db *d, const struct resource_row *vm, const struct w_policy *p, int64_t now_ms,
              struct arena *a, struct w_finding_record *rec, struct finding_row *out, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct usage_sum cpu, mem;
    char reason[USE_REASON_MAX] = "";
    struct sizes vcpus, mem_mib;
    int64_t from, ran_ms = 0, sized_ms = 0;

    if (order_run_times(d, vm->id, &ran_ms, &sized_ms, e) < 0)
        return -1;
    from = window_from(p, sized_ms, now_ms);
    if (order_sizes(d, vm->id, from, &vcpus, &mem_mib, e) < 0 ||
        usage_load(d, vm->id, METRIC_CPU, from, now_ms, &vcpus, vm->vcpus, &cpu, e) < 0 ||
        usage_load(d, vm->id, METRIC_MEM, from, now_ms, &mem_mib, vm->mem_mib, &mem, e) < 0)
        return -1;
    record_fill(vm, p, from, now_ms, &cpu, a, rec);
    rec->resized = sizes_changes(&vcpus, from);
    rec->age_ms = ran_ms == 0 || ran_ms > now_ms ? 0 : now_ms - ran_ms;
    rec->verdict = judge_record(rec, p, reason, sizeof(reason));
    if (rec->verdict == VERDICT_NONE)
        return err_set(e, BY_E_BUG, "the utilization of %s cannot be judged", vm->name);
    rec->reason = arena_strdup(a, reason);
    memset(out, 0, sizeof(*out));
    random_uuid(out->id);
    memcpy(out->vm, vm->id, sizeof(out->vm));
    memcpy(out->name, vm->name, sizeof(out->name));
    memcpy(out->system, vm->system, sizeof(out->system));
    memcpy(out->unit, vm->unit, sizeof(out->unit));
    memcpy(out->grant, vm->grant, sizeof(out->grant));
    memcpy(out->policy, p->version, sizeof(out->policy));
    out->verdict = rec->verdict;
    out->reason = rec->reason;
    out->at_ms = out->since_ms = now_ms;
    suggest(vm, &cpu, &mem, out);
    jm_encode(schema_finding_record, rec, &b);
    out->facts = arena_strdup(a, strbuf_peek(&b));
    return 0;
}

/* ---- all of them -------------------------------------------------------------------------------
 */

struct batch {
    struct arena a;
    struct finding_row rows[EVALUATE_PAGE];
    int64_t from_ms[EVALUATE_PAGE]; /* of their windows */
    size_t n;
};

/* A finding that a plan answers stays until something is really known again: a machine in the
 * recycle bin, or just back from it, has no data, and no data is no verdict. */
static bool
keeps(const struct finding_row *old, const struct finding_row *now)
{
    return old->plan[0] != '\0' &&
           (now->verdict == VERDICT_NOT_ENOUGH_DATA || now->verdict == VERDICT_NOT_APPLICABLE);
}

/* The same verdict again, but a plan answered the old one and all evidence is newer than that. */
static bool
is_another(const struct finding_row *old, int64_t from_ms)
{
    return old->plan[0] != '\0' && from_ms > old->at_ms;
}

/* The same verdict again keeps its id and its beginning; another one is news, and in the ledger. */
static int
tell_unit(struct tx *t, const struct finding_row *f, struct err *e)
{
    if (f->verdict != VERDICT_UNDERUSED && f->verdict != VERDICT_IDLE)
        return 0;
    return notice_add(t,
                      &(struct notice){.kind = NOTICE_FINDING,
                                       .role = ROLE_TENANT,
                                       .unit = f->unit,
                                       .subject = f->vm,
                                       .title = f->name},
                      e);
}

static int
batch_step(void *arg, struct tx *t, struct err *e)
{
    struct batch *b = arg;

    for (size_t i = 0; i < b->n; i++) {
        struct finding_row *f = &b->rows[i], old;
        int rc = finding_newest(t->d, f->vm, tx_arena(t), &old, e);

        if (rc < 0 || usage_trim(t->d, f->vm, t->now_ms, e) < 0)
            return -1;
        if (rc == 1 && keeps(&old, f))
            continue;
        if (rc == 1 && old.verdict == f->verdict && !is_another(&old, b->from_ms[i])) {
            memcpy(f->id, old.id, sizeof(f->id));
            if (finding_refresh(t->d, f, e) < 0)
                return -1;
            continue;
        }
        if (finding_insert(t->d, f, e) < 0 ||
            ledger_append(t, "controller", "finding.made", f->id, f->facts, e) < 0 ||
            tell_unit(t, f, e) < 0)
            return err_wrap(e, "finding about %s", f->name);
    }
    return 0;
}

struct scan {
    struct db *d;
    const struct w_policy *p;
    int64_t now_ms;
    struct batch *b;
    char name[W_NAME], id[W_ID];
    size_t seen;
};

static int
scan_vm(void *arg, const struct resource_row *r, struct err *e)
{
    struct scan *s = arg;
    struct w_finding_record rec;

    memcpy(s->name, r->name, sizeof(s->name));
    memcpy(s->id, r->id, sizeof(s->id));
    s->seen++;
    if (finding_judge(s->d, r, s->p, s->now_ms, &s->b->a, &rec, &s->b->rows[s->b->n], e) < 0)
        return err_wrap(e, "finding about %s", r->name);
    s->b->from_ms[s->b->n++] = rec.from_ms;
    return 0;
}

static int
evaluate_page(struct controller *c, struct scan *s, struct err *e)
{
    struct resource_page page = {.unit = "",
                                 .system = "",
                                 .kind = RES_VM,
                                 .after_name = s->name,
                                 .after_id = s->id,
                                 .limit = EVALUATE_PAGE};
    char name[W_NAME], id[W_ID];
    int rc;

    memcpy(name, s->name, sizeof(name));
    memcpy(id, s->id, sizeof(id));
    page.after_name = name;
    page.after_id = id;
    s->seen = 0;
    s->b->n = 0;
    rc = resource_each_page(s->d, &page, &s->b->a, scan_vm, s, e);
    if (rc == 0 && s->b->n > 0)
        rc = commit_run(c->commit, batch_step, s->b, e);
    arena_clear(&s->b->a);
    return rc;
}

int
finding_evaluate(struct controller *c, struct db *d, size_t *n, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct w_policy p;
    struct scan s = {.d = d, .p = &p, .now_ms = controller_now_ms(c)};
    int rc = 0;

    *n = 0;
    if (policy_in_force(d, &a, &p, e) < 0)
        return -1;
    s.b = calloc(1, sizeof(*s.b));
    if (s.b == NULL)
        return err_set(e, BY_E_NOMEM, "findings");
    do {
        rc = evaluate_page(c, &s, e);
        *n += s.b->n;
    } while (rc == 0 && s.seen == EVALUATE_PAGE);
    free(s.b);
    return rc;
}

/* ---- for people
 * ---------------------------------------------------------------------------------- */

static int
list_add(void *arg, const struct finding_row *f, struct err *e)
{
    struct w_finding_view *v = paging_add(arg, f->since_ms, f->id, "");

    (void)e;
    if (v == NULL)
        return 0;
    memcpy(v->id, f->id, sizeof(v->id));
    memcpy(v->vm, f->vm, sizeof(v->vm));
    memcpy(v->name, f->name, sizeof(v->name));
    memcpy(v->system, f->system, sizeof(v->system));
    memcpy(v->grant, f->grant, sizeof(v->grant));
    memcpy(v->policy, f->policy, sizeof(v->policy));
    memcpy(v->plan, f->plan, sizeof(v->plan));
    v->verdict = f->verdict;
    v->reason = f->reason;
    v->at_ms = f->at_ms;
    v->since_ms = f->since_ms;
    v->suggest_vcpus = f->suggest_vcpus;
    v->suggest_mem_mib = f->suggest_mem_mib;
    return 0;
}

int
api_finding_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_finding_list *out = k->out;
    struct finding_filter f = {
        .unit = own_filter(k), .vm = param_text(k, "vm"), .verdict = param_word(k, "verdict")};
    struct paging p;

    if (PAGING_OPEN(&p, k, out, finding_view, INT64_MAX, e) < 0)
        return -1;
    f.flagged = f.verdict == VERDICT_NONE && !param_flag(k, "all");
    f.from = p.from;
    return finding_each(t->d, &f, k->a, list_add, &p, e);
}
