#include "controller/own.h"

#include <string.h>

#include "controller/controller.h"
#include "controller/units.h"
#include "policies/authz.h"
#include "policies/roles.h"

#define SAME(R) AZ_##R == 1 << (ROLE_##R - 1)
_Static_assert(SAME(ADMIN) && SAME(BUREAU) && SAME(PROVIDER) && SAME(TENANT) && SAME(AUDITOR) &&
                   SAME(COUNTY) && SAME(SECADMIN) && SAME(AUDITADMIN) && ROLE__MAX == 9,
               "roles of policy and wire go together");

unsigned
own_role(enum w_role role)
{
    return role == ROLE_NONE || role >= ROLE__MAX ? AZ_NOBODY : 1U << (role - 1);
}

const char *
own_filter(const struct api_call *k)
{
    enum authz_reach reach = authz_reach(own_role(k->who.role));

    if (reach == AZ_REACH_CITY)
        return "";
    /* An unset role sees the things of unit "none", which is nothing. */
    if (reach == AZ_REACH_NOTHING || k->who.unit[0] == '\0')
        return "none";
    return reach == AZ_REACH_UNIT ? k->who.unit : arena_printf(k->a, "+%s", k->who.unit);
}

int
own_check(const struct api_call *k, const char *unit, const char *what, struct err *e)
{
    bool mine = false;

    switch (authz_reach(own_role(k->who.role))) {
    case AZ_REACH_NOTHING:
        break;
    case AZ_REACH_UNIT:
        mine = unit[0] != '\0' && strcmp(k->who.unit, unit) == 0;
        break;
    case AZ_REACH_SUBTREE:
        mine = units_is_under(k->c->units, unit, k->who.unit);
        break;
    case AZ_REACH_CITY:
        mine = true;
        break;
    }
    return mine ? 0 : err_set(e, BY_E_NOT_FOUND, "no such %s among those of your unit", what);
}

int
own_named(const struct caller *who, bool changes, struct err *e)
{
    if (!changes || !roles_needs_employer(own_role(who->role)) || who->employer[0] != '\0')
        return 0;
    return err_set(e, BY_E_DENIED,
                   "your account names no company, and every act of the provider must: ask the "
                   "security administrator to assign it again with one");
}
