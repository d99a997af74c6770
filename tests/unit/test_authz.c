#include <CUnit/CUnit.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "policies/authz.h"

static void
lets_nobody_do_anything(void)
{
    static const unsigned nobodies[] = {0, 1u << 5, 1u << 31, AZ_ADMIN | AZ_TENANT, AZ_ALL, ~0u};

    for (size_t i = 0; i < ARRAY_LEN(nobodies); i++)
        for (int p = 0; p <= AZ_P__MAX; p++) {
            CU_ASSERT_FALSE(authz_allows(nobodies[i], (enum authz_perm)p));
            CU_ASSERT_FALSE(authz_allows_of(nobodies[i], (enum authz_perm)p, "u", "u"));
        }
}

static void
keeps_the_powers_apart(void)
{
    static const struct {
        enum authz_perm perm;
        unsigned roles;
    } rows[] = {
        {AZ_P_ACCOUNT_WRITE, AZ_ADMIN},  {AZ_P_GRANT_WRITE, AZ_BUREAU},
        {AZ_P_HOST_WRITE, AZ_PROVIDER},  {AZ_P_LEDGER_READ, AZ_BUREAU | AZ_PROVIDER | AZ_AUDITOR},
        {AZ_P_PLAN_WRITE, AZ_BUREAU},    {AZ_P_RECOVERY_CONFIRM, AZ_ADMIN},
        {AZ_P_RESOURCE_TAKE, AZ_TENANT}, {AZ_P_USAGE_READ, AZ_ALL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned role = 1; role < AZ_ALL; role <<= 1)
            CU_ASSERT_EQUAL(authz_allows(role, rows[i].perm), (rows[i].roles & role) != 0);
}

static void
confines_tenants_to_their_own_unit(void)
{
    CU_ASSERT_TRUE(authz_allows_of(AZ_TENANT, AZ_P_USAGE_READ, "u1", "u1"));
    CU_ASSERT_FALSE(authz_allows_of(AZ_TENANT, AZ_P_USAGE_READ, "u1", "u2"));
    CU_ASSERT_FALSE(authz_allows_of(AZ_TENANT, AZ_P_USAGE_READ, "", ""));
    CU_ASSERT_FALSE(authz_allows_of(AZ_TENANT, AZ_P_USAGE_READ, NULL, NULL));
    CU_ASSERT_TRUE(authz_allows_of(AZ_AUDITOR, AZ_P_USAGE_READ, "u1", "u2"));
    CU_ASSERT_FALSE(authz_allows_of(AZ_AUDITOR, AZ_P_RESOURCE_TAKE, "u1", "u1"));
    CU_ASSERT_TRUE(authz_is_confined(AZ_TENANT) && authz_is_confined(AZ_NOBODY));
}

static void
gives_the_auditor_no_permission_that_changes_anything(void)
{
    for (int p = 0; p < AZ_P__MAX; p++) {
        const char *name = authz_perm_name((enum authz_perm)p);
        size_t len = strlen(name);
        bool reads =
            strcmp(name, "EXPLAIN") == 0 || (len > 5 && (strcmp(name + len - 5, "_READ") == 0 ||
                                                         strcmp(name + len - 5, "_LIST") == 0));

        CU_ASSERT(reads || !authz_allows(AZ_AUDITOR, (enum authz_perm)p));
        CU_ASSERT(strlen(authz_perm_doc((enum authz_perm)p)) > 5);
    }
}

CU_TestInfo authz_tests[] = {
    {"lets nobody do anything", lets_nobody_do_anything},
    {"keeps the powers apart", keeps_the_powers_apart},
    {"confines tenants to their own unit", confines_tenants_to_their_own_unit},
    {"gives the auditor no permission that changes anything",
     gives_the_auditor_no_permission_that_changes_anything},
    CU_TEST_INFO_NULL,
};
