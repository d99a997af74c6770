#include "drivers/codec/approval.h"

#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"

enum { DAYS_DEFAULT = 365, RESOURCES_MOST = 1000 };
#define DAY_MS INT64_C(86400000)

void
grant_free_shape(struct w_grant *g, uint32_t resources_max)
{
    uint64_t count = 0;

    for (size_t i = 0; i < g->lines.n; i++)
        count += JM_ITEM(g->lines, struct w_grant_line, i)->count;
    g->version = 2;
    g->shape = SHAPE_FREE;
    g->resources_max = resources_max != 0           ? resources_max
                       : count > RESOURCES_MOST / 4 ? RESOURCES_MOST
                                                    : (uint32_t)(4 * count);
}

void
grant_version_fit(struct w_grant *g)
{
    for (size_t i = 0; i < g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);

        if (l->apart != APART_NONE && g->version < 5)
            g->version = 5;
        if (l->zone[0] != '\0' || l->pool_class[0] != '\0')
            g->version = 6;
    }
}

void
approval_grant(const struct w_approval_import *d, int64_t approved_ms, int64_t hold_ms,
               struct w_grant *out)
{
    int64_t days = d->valid_days == 0 ? DAYS_DEFAULT : d->valid_days;

    *out = (struct w_grant){.version = 1,
                            .approved_at_ms = approved_ms,
                            .valid_from_ms = approved_ms,
                            .valid_to_ms = approved_ms + days * DAY_MS,
                            .hold_ms = d->hold_ms != 0 ? d->hold_ms : hold_ms,
                            .lines = d->lines,
                            .manual = d->manual};
    memcpy(out->number, d->number, sizeof(out->number));
    memcpy(out->system, d->system, sizeof(out->system));
    memcpy(out->unit, d->unit, sizeof(out->unit));
    memcpy(out->approval_sha256, d->approval_sha256, sizeof(out->approval_sha256));
    memcpy(out->agreement_sha256, d->agreement_sha256, sizeof(out->agreement_sha256));
    memcpy(out->declaration_sha256, d->declaration_sha256, sizeof(out->declaration_sha256));
    if (d->shape == SHAPE_FREE)
        grant_free_shape(out, d->resources_max);
    grant_version_fit(out);
}

static const char *
difference(const struct w_grant *want, const struct w_grant *g)
{
    if (strcmp(want->number, g->number) != 0)
        return "number";
    if (strcmp(want->system, g->system) != 0 || strcmp(want->unit, g->unit) != 0)
        return "system";
    if (want->approved_at_ms != g->approved_at_ms)
        return "approved_at_ms";
    if (want->valid_from_ms != g->valid_from_ms || want->valid_to_ms != g->valid_to_ms)
        return "valid_to_ms";
    if (strcmp(want->approval_sha256, g->approval_sha256) != 0 ||
        strcmp(want->agreement_sha256, g->agreement_sha256) != 0 ||
        strcmp(want->declaration_sha256, g->declaration_sha256) != 0)
        return "approval_sha256";
    return want->hold_ms != g->hold_ms ? "hold_ms" : "lines";
}

int
approval_equals(const struct w_approval_import *d, int64_t approved_ms, const struct w_grant *g,
                struct err *e)
{
    SCOPED(strbuf) struct strbuf one = {0}, two = {0};
    struct w_grant want;

    approval_grant(d, approved_ms, g->hold_ms, &want);
    memcpy(want.id, g->id, sizeof(want.id));
    memcpy(want.approver, g->approver, sizeof(want.approver));
    jm_encode(schema_grant, &want, &one);
    jm_encode(schema_grant, g, &two);
    if (strcmp(strbuf_peek(&one), strbuf_peek(&two)) == 0)
        return 0;
    return err_field(e, BY_E_INVALID, "grant",
                     "the grant is not the imported approval: %s differs; confirm it as it is, or "
                     "refuse it",
                     difference(&want, g));
}
