#include "controller/own.h"

#include <string.h>

#include "policies/authz.h"

_Static_assert(AZ_ADMIN == 1 << (ROLE_ADMIN - 1) && AZ_BUREAU == 1 << (ROLE_BUREAU - 1) &&
                   AZ_PROVIDER == 1 << (ROLE_PROVIDER - 1) && AZ_TENANT == 1 << (ROLE_TENANT - 1) &&
                   AZ_AUDITOR == 1 << (ROLE_AUDITOR - 1),
               "roles of policy and wire go together");

const char *
own_filter(const struct api_call *k)
{
    unsigned role = k->who.role == ROLE_NONE ? AZ_NOBODY : 1u << (k->who.role - 1);

    /* An unset role sees the things of unit "none", which is nothing. */
    if (k->who.role == ROLE_NONE || (authz_is_confined(role) && k->who.unit[0] == '\0'))
        return "none";
    return authz_is_confined(role) ? k->who.unit : "";
}

int
own_check(const struct api_call *k, const char *unit, const char *what, struct err *e)
{
    const char *mine = own_filter(k);

    if (mine[0] == '\0' || (unit[0] != '\0' && strcmp(mine, unit) == 0))
        return 0;
    return err_set(e, BY_E_NOT_FOUND, "no such %s among those of your unit", what);
}
