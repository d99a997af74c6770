#include "policies/underuse.h"

#include <inttypes.h>

#include "policies/text.h"

#define P95 9500

static uint64_t
coverage_percent(const struct use_rule *rule, const struct use_facts *f)
{
    if (rule->window_ms <= 0 || f->measured_ms <= 0)
        return 0;
    if (f->measured_ms >= rule->window_ms)
        return 100;
    return (uint64_t)(f->measured_ms / (rule->window_ms / 100 > 0 ? rule->window_ms / 100 : 1));
}

/* "NAME 1.30 % < 5.00 %". */
static void
add_compare(struct text *t, const char *name, uint64_t value, enum hist_answer below,
            uint64_t limit)
{
    static const char *const signs[] = {
        [HIST_NO] = " >= ", [HIST_YES] = " < ", [HIST_UNSURE] = " not surely < "};

    text_add(t, "%s ", name);
    text_add_percent(t, value);
    text_add(t, "%s", signs[below]);
    text_add_percent(t, limit);
}

static void
add_basis(struct text *t, const struct use_rule *rule, const struct use_facts *f)
{
    text_add(t, "; measured %" PRIu64 " %% of ", coverage_percent(rule, f));
    text_add_span(t, rule->window_ms);
    text_add(t, " (at least %" PRIu32 " %%), %" PRIu64 " slots; age ", rule->min_coverage_percent,
             f->cpu_avg->n);
    text_add_span(t, f->age_ms);
    text_add(t, " (at least ");
    text_add_span(t, rule->min_age_ms);
    text_add(t, ")");
    if (f->resized > 0)
        text_add(t, "; changes of size: %" PRIu32 " (shares of a larger one counted of today's)",
                 f->resized);
    text_add(t, "; policy %s", rule->version);
}

static enum use_verdict
judge_cpu(const struct use_rule *rule, const struct use_facts *f, struct text *t)
{
    enum hist_answer p95 = hist_quantile_below(f->cpu_avg, P95, rule->p95_cpu_below);
    enum hist_answer peak = f->cpu_avg->max < rule->peak_cpu_below ? HIST_YES : HIST_NO;
    enum hist_answer under = hist_quantile_below(f->cpu_peak, P95, rule->under_p95_cpu_below);
    enum use_verdict v = USE_ACTIVE;

    if (p95 == HIST_YES && peak == HIST_YES)
        v = USE_IDLE;
    else if (under == HIST_YES)
        v = USE_UNDERUSED;
    text_add(t, "%s: ", use_verdict_name(v));
    add_compare(t, "P95 of CPU averages", hist_quantile(f->cpu_avg, P95), p95, rule->p95_cpu_below);
    add_compare(t, "; largest average", f->cpu_avg->max, peak, rule->peak_cpu_below);
    add_compare(t, "; P95 of CPU peaks", hist_quantile(f->cpu_peak, P95), under,
                rule->under_p95_cpu_below);
    return v;
}

enum use_verdict
underuse_judge(const struct use_rule *rule, const struct use_facts *f, char *reason, size_t cap)
{
    struct text t = text_on(reason, cap);
    enum use_verdict v = USE_NOT_ENOUGH_DATA;

    if (f->not_applicable != NULL) {
        text_add(&t, "not_applicable: %s; policy %s", f->not_applicable, rule->version);
        return USE_NOT_APPLICABLE;
    }
    if (f->age_ms < rule->min_age_ms)
        text_add(&t, "not_enough_data: too young");
    else if (coverage_percent(rule, f) < rule->min_coverage_percent || f->cpu_avg->n == 0 ||
             f->cpu_peak->n == 0)
        text_add(&t, "not_enough_data: too little was measured");
    else
        v = judge_cpu(rule, f, &t);
    add_basis(&t, rule, f);
    return v;
}

const char *
use_verdict_name(enum use_verdict v)
{
    switch (v) {
    case USE_NONE:
        return "";
    case USE_ACTIVE:
        return "active";
    case USE_UNDERUSED:
        return "underused";
    case USE_IDLE:
        return "idle";
    case USE_NOT_ENOUGH_DATA:
        return "not_enough_data";
    case USE_NOT_APPLICABLE:
        return "not_applicable";
    case USE__MAX:
        break;
    }
    return "?";
}
