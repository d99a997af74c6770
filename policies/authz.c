#include "policies/authz.h"

#include <stddef.h>
#include <string.h>

enum whose { ANY = 1, OWN };

static const struct {
    unsigned roles;
    enum whose whose;
    const char *name, *doc;
} perms[AZ_P__MAX] = {
#define PERM(n, r, w, d) [AZ_P_##n] = {.roles = (r), .whose = (w), .name = #n, .doc = (d)},
#include "policies/authz.def"
#undef PERM
};

/* Several bits at once would be a caller with several roles: one person has one. */
static bool
is_one_role(unsigned role)
{
    return role != 0 && (role & ~(unsigned)AZ_ALL) == 0 && (role & (role - 1)) == 0;
}

bool
authz_allows(unsigned role, enum authz_perm perm)
{
    return is_one_role(role) && perm < AZ_P__MAX && (perms[perm].roles & role) != 0;
}

bool
authz_is_confined(unsigned role)
{
    return !is_one_role(role) || role == AZ_TENANT;
}

bool
authz_allows_of(unsigned role, enum authz_perm perm, const char *caller_unit,
                const char *thing_unit)
{
    if (!authz_allows(role, perm))
        return false;
    if (perms[perm].whose == ANY || !authz_is_confined(role))
        return true;
    return caller_unit != NULL && thing_unit != NULL && caller_unit[0] != '\0' &&
           strcmp(caller_unit, thing_unit) == 0;
}

const char *
authz_perm_name(enum authz_perm perm)
{
    return perm < AZ_P__MAX ? perms[perm].name : "?";
}

const char *
authz_perm_doc(enum authz_perm perm)
{
    return perm < AZ_P__MAX ? perms[perm].doc : "?";
}
