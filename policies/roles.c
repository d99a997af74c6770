#include "policies/roles.h"

#include <stddef.h>

enum { STAFF = 1, EMPLOYER = 2 };
enum {
    BUREAU = ROLES_BUREAU,
    COUNTY = ROLES_COUNTY,
    PROVIDER = ROLES_PROVIDER,
    TENANT = ROLES_TENANT,
    FINANCE = ROLES_FINANCE,
    AUDITOR = ROLES_AUDITOR
};

struct rule {
    unsigned role, by, kinds, flags;
};

static const struct rule rules[] = {
#define RULE(r, b, k, f) {.role = AZ_##r, .by = (b), .kinds = (k), .flags = (f)},
#include "policies/roles.def"
#undef RULE
};

static const struct rule *
rule_of(unsigned role)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rules[i].role == role)
            return &rules[i];
    return NULL;
}

enum roles_verdict
roles_fits(unsigned role, unsigned kind, bool employer)
{
    const struct rule *r = rule_of(role);

    if (r == NULL)
        return ROLES_UNKNOWN;
    if ((r->kinds & kind) == 0)
        return ROLES_KIND;
    return (r->flags & EMPLOYER) != 0 && !employer ? ROLES_EMPLOYER : ROLES_OK;
}

enum roles_verdict
roles_judge(const struct roles_case *c)
{
    const struct rule *r = rule_of(c->role);
    bool first = c->none_yet && c->role == AZ_SECADMIN && c->by == AZ_ADMIN;

    if (r == NULL)
        return ROLES_UNKNOWN;
    if (c->self)
        return ROLES_SELF;
    if (r->by != c->by && !first)
        return ROLES_BY;
    if (c->now != 0 && roles_assigner(c->now) != c->by)
        return ROLES_NOW;
    return roles_fits(c->role, c->kind, c->employer);
}

bool
roles_is_staff(unsigned role)
{
    const struct rule *r = rule_of(role);

    return r == NULL || (r->flags & STAFF) != 0;
}

bool
roles_needs_employer(unsigned role)
{
    const struct rule *r = rule_of(role);

    return r != NULL && (r->flags & EMPLOYER) != 0;
}

bool
roles_must_stay(unsigned role)
{
    return role == AZ_ADMIN || role == AZ_SECADMIN || role == AZ_AUDITADMIN;
}

unsigned
roles_assigner(unsigned role)
{
    const struct rule *r = rule_of(role);

    return r == NULL ? 0 : r->by;
}
