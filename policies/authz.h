#ifndef BY_POLICIES_AUTHZ_H
#define BY_POLICIES_AUTHZ_H
/* Who may do what, and to whose things.  One row per permission in authz.def.  Role 0 is nobody and
 * may nothing.  Pure. */
#include <stdbool.h>

/* Bits; a caller has exactly one.  The edge translates roles by name. */
enum authz_role {
    AZ_NOBODY = 0,
    AZ_ADMIN = 1 << 0,
    AZ_BUREAU = 1 << 1,
    AZ_PROVIDER = 1 << 2,
    AZ_TENANT = 1 << 3,
    AZ_AUDITOR = 1 << 4,
    AZ_COUNTY = 1 << 5,
    AZ_SECADMIN = 1 << 6,
    AZ_AUDITADMIN = 1 << 7,
    AZ_ALL = (1 << 6) - 1, /* who works with the cloud */
    AZ_EVERYONE = (1 << 8) - 1
};

enum authz_perm {
#define PERM(name, roles, whose, doc) AZ_P_##name,
#include "policies/authz.def"
#undef PERM
    AZ_P__MAX
};

/** role: one AZ_ bit; anything else is nobody. */
bool authz_allows(unsigned role, enum authz_perm perm);
/** Whose things a role may see and touch at all: nobody's; a tenant its own unit's; a county those
 * of its subtree; the others everybody's. */
enum authz_reach { AZ_REACH_NOTHING, AZ_REACH_UNIT, AZ_REACH_SUBTREE, AZ_REACH_CITY };
enum authz_reach authz_reach(unsigned role);
/** The permission is about somebody's things: it ends at the role's reach. */
bool authz_is_owned(enum authz_perm perm);
const char *authz_perm_name(enum authz_perm perm);
const char *authz_perm_doc(enum authz_perm perm);
#endif
