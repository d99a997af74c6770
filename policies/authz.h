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
    AZ_ALL = (1 << 5) - 1
};

enum authz_perm {
#define PERM(name, roles, whose, doc) AZ_P_##name,
#include "policies/authz.def"
#undef PERM
    AZ_P__MAX
};

/** role: one AZ_ bit; anything else is nobody. */
bool authz_allows(unsigned role, enum authz_perm perm);
/** As authz_allows(), and the thing's unit is one that this caller may touch: tenants only their
 * own.  An unknown unit (NULL or "") belongs to nobody. */
bool authz_allows_of(unsigned role, enum authz_perm perm, const char *caller_unit,
                     const char *thing_unit);
/** A tenant sees only its own unit's things; every other role sees all. */
bool authz_is_confined(unsigned role);
const char *authz_perm_name(enum authz_perm perm);
const char *authz_perm_doc(enum authz_perm perm);
#endif
