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
    return role != 0 && (role & ~(unsigned)AZ_EVERYONE) == 0 && (role & (role - 1)) == 0;
}

bool
authz_allows(unsigned role, enum authz_perm perm)
{
    return is_one_role(role) && perm < AZ_P__MAX && (perms[perm].roles & role) != 0;
}

enum authz_reach
authz_reach(unsigned role)
{
    if (!is_one_role(role))
        return AZ_REACH_NOTHING;
    if (role == AZ_TENANT)
        return AZ_REACH_UNIT;
    return role == AZ_COUNTY ? AZ_REACH_SUBTREE : AZ_REACH_CITY;
}

bool
authz_is_owned(enum authz_perm perm)
{
    return perm < AZ_P__MAX && perms[perm].whose == OWN;
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
