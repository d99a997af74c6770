#ifndef BY_POLICIES_ROLES_H
#define BY_POLICIES_ROLES_H
/* Who may give which role to whom: roles.def.  Registering an account and giving it a role are two
 * people's work: the system administrator's or the bureau's, and that of whom the rule names.  The
 * three administrators are three people.  Pure. */
#include <stdbool.h>

#include "policies/authz.h"

/* Kinds of units, as bits: 1 << (enum w_unit_kind - 1). */
enum roles_kind {
    ROLES_BUREAU = 1 << 0,
    ROLES_COUNTY = 1 << 1,
    ROLES_PROVIDER = 1 << 2,
    ROLES_TENANT = 1 << 3,
    ROLES_FINANCE = 1 << 4,
    ROLES_AUDITOR = 1 << 5
};

struct roles_case {
    unsigned by;   /* AZ_ bit of who assigns */
    unsigned role; /* AZ_ bit of what is given */
    unsigned now;  /* AZ_ bit of what the account has, 0 while it is only registered */
    unsigned kind; /* bit of the unit's kind */
    bool employer; /* the account names one */
    bool self;     /* it is one's own account */
    bool none_yet; /* there is no security administrator at all: the system administrator, and no
                      other, may make the first */
};

enum roles_verdict {
    ROLES_OK,
    ROLES_SELF,     /* nobody gives a role to himself */
    ROLES_BY,       /* another role assigns this one */
    ROLES_NOW,      /* another role gave what the account has: only that one may change it */
    ROLES_KIND,     /* not for the people of such a unit */
    ROLES_EMPLOYER, /* the company is missing */
    ROLES_UNKNOWN   /* no such role */
};

enum roles_verdict roles_judge(const struct roles_case *c);
/** Whether people of a unit of that kind can ever have the role, whoever gives it: asked when an
 * account is registered already. */
enum roles_verdict roles_fits(unsigned role, unsigned kind, bool employer);
/** A password alone is not enough, by default. */
bool roles_is_staff(unsigned role);
/** Every act must name the person's company. */
bool roles_needs_employer(unsigned role);
/** Roles of which one enabled account must stay: each of the three administrators. */
bool roles_must_stay(unsigned role);
/** The role that assigns this one, as a bit; 0 when there is no such role. */
unsigned roles_assigner(unsigned role);
#endif
