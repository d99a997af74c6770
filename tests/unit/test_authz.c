#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "policies/authz.h"

static void
lets_nobody_do_anything(void)
{
    static const unsigned nobodies[] = {0, 1u << 8, 1u << 31, AZ_ADMIN | AZ_TENANT, AZ_ALL, ~0u};

    for (size_t i = 0; i < ARRAY_LEN(nobodies); i++)
        for (int p = 0; p <= AZ_P__MAX; p++) {
            CU_ASSERT_FALSE(authz_allows(nobodies[i], (enum authz_perm)p));
            CU_ASSERT_EQUAL(authz_reach(nobodies[i]), AZ_REACH_NOTHING);
        }
}

static void
keeps_the_powers_apart(void)
{
    static const struct {
        enum authz_perm perm;
        unsigned roles;
    } rows[] = {
        {AZ_P_ACCOUNT_WRITE, AZ_ADMIN | AZ_BUREAU},
        {AZ_P_GRANT_WRITE, AZ_BUREAU},
        {AZ_P_ACCOUNT_SECURE, AZ_SECADMIN},
        {AZ_P_UNIT_WRITE, AZ_ADMIN},
        {AZ_P_HOST_WRITE, AZ_PROVIDER},
        {AZ_P_LEDGER_READ, AZ_BUREAU | AZ_PROVIDER | AZ_AUDITOR | AZ_AUDITADMIN},
        {AZ_P_PLAN_WRITE, AZ_BUREAU},
        {AZ_P_RECOVERY_CONFIRM, AZ_ADMIN},
        {AZ_P_RESOURCE_TAKE, AZ_TENANT},
        {AZ_P_USAGE_READ, AZ_ALL},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (unsigned role = 1; role < AZ_EVERYONE; role <<= 1)
            CU_ASSERT_EQUAL(authz_allows(role, rows[i].perm), (rows[i].roles & role) != 0);
}

static void
reaches_as_far_as_the_role_says(void)
{
    for (unsigned role = 1; role < AZ_EVERYONE; role <<= 1)
        CU_ASSERT_EQUAL(authz_reach(role), role == AZ_TENANT   ? AZ_REACH_UNIT
                                           : role == AZ_COUNTY ? AZ_REACH_SUBTREE
                                                               : AZ_REACH_CITY);
    CU_ASSERT_TRUE(authz_is_owned(AZ_P_USAGE_READ));
    CU_ASSERT_FALSE(authz_is_owned(AZ_P_HOST_READ));
}

static void
keeps_the_three_administrators_apart(void)
{
    for (int p = 0; p < AZ_P__MAX; p++) {
        bool all = authz_allows(AZ_TENANT, (enum authz_perm)p); /* one's own session and the like */
        int n = authz_allows(AZ_ADMIN, (enum authz_perm)p) +
                authz_allows(AZ_SECADMIN, (enum authz_perm)p) +
                authz_allows(AZ_AUDITADMIN, (enum authz_perm)p);

        CU_ASSERT(all || n <= 1 || p == AZ_P_ACCOUNT_LIST || p == AZ_P_ACCOUNT_DISABLE ||
                  p == AZ_P_ACCOUNT_ASSIGN || p == AZ_P_ACCOUNT_SESSIONS);
    }
}

static void
gives_the_auditor_no_permission_that_changes_anything(void)
{
    for (int p = 0; p < AZ_P__MAX; p++) {
        const char *name = authz_perm_name((enum authz_perm)p);
        size_t len = strlen(name);
        bool reads = strcmp(name, "EXPLAIN") == 0 || strcmp(name, "ACCOUNT_SESSIONS") == 0 ||
                     strcmp(name, "SESSION") == 0 ||
                     (len > 5 && (strcmp(name + len - 5, "_READ") == 0 ||
                                  strcmp(name + len - 5, "_LIST") == 0));

        CU_ASSERT(reads || (!authz_allows(AZ_AUDITOR, (enum authz_perm)p) &&
                            !authz_allows(AZ_AUDITADMIN, (enum authz_perm)p)));
        /* A county's step in a case is its remark: case_fsm.def. */
        CU_ASSERT(reads || strcmp(name, "GRANT_CHECK") == 0 || strcmp(name, "CASE_MOVE") == 0 ||
                  !authz_allows(AZ_COUNTY, (enum authz_perm)p));
        CU_ASSERT(strlen(authz_perm_doc((enum authz_perm)p)) > 5);
    }
}

/* Which permission each route of people is about. */
static const struct {
    const char *handler;
    enum authz_perm perm;
} handlers[] = {
    {"account_add", AZ_P_ACCOUNT_WRITE},
    {"account_assign", AZ_P_ACCOUNT_ASSIGN},
    {"account_disable", AZ_P_ACCOUNT_DISABLE},
    {"account_end_sessions", AZ_P_ACCOUNT_SECURE},
    {"account_list", AZ_P_ACCOUNT_LIST},
    {"account_reset_factors", AZ_P_ACCOUNT_SECURE},
    {"account_sessions", AZ_P_ACCOUNT_SESSIONS},
    {"account_token", AZ_P_ACCOUNT_SECURE},
    {"account_unlock", AZ_P_ACCOUNT_SECURE},
    {"approver_add", AZ_P_APPROVER_WRITE},
    {"approver_list", AZ_P_APPROVER_READ},
    {"approver_withdraw", AZ_P_APPROVER_WRITE},
    {"attachment_add", AZ_P_ATTACHMENT_WRITE},
    {"attachment_get", AZ_P_CASE_READ},
    {"attachment_part", AZ_P_ATTACHMENT_WRITE},
    {"attachment_read", AZ_P_CASE_READ},
    {"calendar_add", AZ_P_CALENDAR_WRITE},
    {"calendar_list", AZ_P_CALENDAR_READ},
    {"case_add", AZ_P_CASE_OPEN},
    {"case_approve", AZ_P_GRANT_WRITE},
    {"case_check", AZ_P_CASE_READ},
    {"case_confirm", AZ_P_GRANT_WRITE},
    {"case_edit", AZ_P_CASE_OPEN},
    {"case_get", AZ_P_CASE_READ},
    {"case_list", AZ_P_CASE_READ},
    {"case_move", AZ_P_CASE_MOVE},
    {"certificate_get", AZ_P_CERTIFICATE_READ},
    {"certificate_list", AZ_P_CERTIFICATE_READ},
    {"claim_add", AZ_P_CLAIM_WRITE},
    {"claim_confirm", AZ_P_CLAIM_DECIDE},
    {"claim_get", AZ_P_CLAIM_READ},
    {"claim_list", AZ_P_CLAIM_READ},
    {"claim_refuse", AZ_P_CLAIM_DECIDE},
    {"claim_withdraw", AZ_P_CLAIM_WRITE},
    {"clock_cause", AZ_P_CLOCK_CAUSE},
    {"clock_feed_add", AZ_P_SESSION},
    {"clock_feed_end", AZ_P_SESSION},
    {"clock_get", AZ_P_CLOCK_READ},
    {"clock_list", AZ_P_CLOCK_READ},
    {"explain_get", AZ_P_EXPLAIN},
    {"factor_add", AZ_P_SESSION},
    {"factor_confirm", AZ_P_SESSION},
    {"factor_list", AZ_P_SESSION},
    {"factor_remove", AZ_P_SESSION},
    {"find_get", AZ_P_RESOURCE_READ},
    {"finding_list", AZ_P_FINDING_READ},
    {"grant_add", AZ_P_GRANT_WRITE},
    {"grant_check", AZ_P_GRANT_CHECK},
    {"grant_get", AZ_P_GRANT_READ},
    {"grant_import", AZ_P_GRANT_IMPORT},
    {"grant_list", AZ_P_GRANT_READ},
    {"grant_started", AZ_P_CASE_OPEN},
    {"handover_link", AZ_P_CASE_OPEN},
    {"handover_page", AZ_P_CASE_READ},
    {"hold_add", AZ_P_HOLD_WRITE},
    {"hold_end", AZ_P_HOLD_WRITE},
    {"hold_list", AZ_P_HOLD_READ},
    {"host_add", AZ_P_HOST_WRITE},
    {"host_cordon", AZ_P_HOST_WRITE},
    {"host_list", AZ_P_HOST_READ},
    {"host_revoke", AZ_P_HOST_WRITE},
    {"host_set", AZ_P_HOST_WRITE},
    {"host_uncordon", AZ_P_HOST_WRITE},
    {"image_add", AZ_P_IMAGE_WRITE},
    {"image_complete", AZ_P_IMAGE_WRITE},
    {"image_get", AZ_P_IMAGE_READ},
    {"image_list", AZ_P_IMAGE_READ},
    {"image_part", AZ_P_IMAGE_WRITE},
    {"image_publish", AZ_P_IMAGE_PUBLISH},
    {"image_retire", AZ_P_IMAGE_RETIRE},
    {"inbox_list", AZ_P_INBOX_READ},
    {"key_add", AZ_P_KEY_WRITE},
    {"key_list", AZ_P_KEY_READ},
    {"ledger_page", AZ_P_LEDGER_READ},
    {"login_policy_get", AZ_P_LOGIN_POLICY_READ},
    {"login_policy_set", AZ_P_ACCOUNT_SECURE},
    {"metrics_get", AZ_P_METRIC_READ},
    {"metrics_token", AZ_P_ACCOUNT_SECURE},
    {"metrics_token_end", AZ_P_ACCOUNT_SECURE},
    {"notice_get", AZ_P_NOTICE_READ},
    {"notice_list", AZ_P_NOTICE_READ},
    {"notice_retry", AZ_P_NOTICE_WRITE},
    {"notice_retry_dead", AZ_P_NOTICE_WRITE},
    {"notice_test", AZ_P_NOTICE_WRITE},
    {"notice_settings_get", AZ_P_SESSION},
    {"notice_settings_set", AZ_P_SESSION},
    {"order_get", AZ_P_ORDER_READ},
    {"order_list", AZ_P_ORDER_READ},
    {"openapi_get", AZ_P_SESSION},
    {"password_set", AZ_P_SESSION},
    {"plan_add", AZ_P_PLAN_WRITE},
    {"plan_get", AZ_P_PLAN_READ},
    {"plan_list", AZ_P_PLAN_READ},
    {"plan_withdraw", AZ_P_PLAN_WRITE},
    {"pool_get", AZ_P_HOST_READ},
    {"pool_list", AZ_P_HOST_READ},
    {"pool_set", AZ_P_HOST_WRITE},
    {"policy_add", AZ_P_POLICY_WRITE},
    {"policy_get", AZ_P_POLICY_READ},
    {"quota_list", AZ_P_QUOTA_READ},
    {"recovery_confirm", AZ_P_RECOVERY_CONFIRM},
    {"recovery_without", AZ_P_RECOVERY_CONFIRM},
    {"resource_attach", AZ_P_RESOURCE_RESHAPE},
    {"resource_bin", AZ_P_RESOURCE_TAKE},
    {"resource_create", AZ_P_RESOURCE_RESHAPE},
    {"resource_detach", AZ_P_RESOURCE_RESHAPE},
    {"resource_erase", AZ_P_RESOURCE_TAKE},
    {"resource_get", AZ_P_RESOURCE_READ},
    {"resource_list", AZ_P_RESOURCE_READ},
    {"resource_parts", AZ_P_RESOURCE_READ},
    {"resource_rename", AZ_P_RESOURCE_RESHAPE},
    {"resource_resize", AZ_P_RESOURCE_RESHAPE},
    {"resource_restore", AZ_P_RESOURCE_RESTORE},
    {"resource_start", AZ_P_RESOURCE_POWER},
    {"resource_stop", AZ_P_RESOURCE_POWER},
    {"session_end", AZ_P_SESSION},
    {"session_me", AZ_P_SESSION},
    {"status_get", AZ_P_STATUS_READ},
    {"system_add", AZ_P_SYSTEM_WRITE},
    {"system_list", AZ_P_SYSTEM_READ},
    {"unit_act_list", AZ_P_UNIT_ACT_READ},
    {"unit_act_undo", AZ_P_RESOURCE_RESHAPE},
    {"unit_add", AZ_P_UNIT_WRITE},
    {"unit_list", AZ_P_UNIT_READ},
    {"unit_move", AZ_P_UNIT_WRITE},
    {"unregistered_get", AZ_P_UNREGISTERED_READ},
    {"unregistered_list", AZ_P_UNREGISTERED_READ},
    {"usage_list", AZ_P_USAGE_READ},
    {"webhook_add", AZ_P_NOTICE_WRITE},
    {"webhook_list", AZ_P_NOTICE_READ},
    {"webhook_remove", AZ_P_NOTICE_WRITE},
    {"webhook_test", AZ_P_NOTICE_WRITE},
};

/* The roles of routes.def, as bits of policies/authz.h; agents and OPEN routes are no permission.
 */
enum {
    ADMIN = AZ_ADMIN,
    BUREAU = AZ_BUREAU,
    PROVIDER = AZ_PROVIDER,
    TENANT = AZ_TENANT,
    AUDITOR = AZ_AUDITOR,
    COUNTY = AZ_COUNTY,
    SECADMIN = AZ_SECADMIN,
    AUDITADMIN = AZ_AUDITADMIN,
    ANY = AZ_ALL,
    EVERYONE = AZ_EVERYONE,
    OPEN = 1 << 8,
    AGENT = 1 << 9,
    SCRAPE = 1 << 10,
};

static void
agrees_with_the_routes(void)
{
    static const struct {
        const char *handler;
        unsigned roles;
    } routes[] = {
#define ROUTE(method, path, roles, handler, in, out, doc) {#handler, roles},
#include "controller/routes.def"
#undef ROUTE
    };
    size_t used = 0;

    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        bool known = (routes[i].roles & (OPEN | AGENT)) != 0;

        for (size_t k = 0; k < ARRAY_LEN(handlers); k++) {
            if (strcmp(handlers[k].handler, routes[i].handler) != 0)
                continue;
            known = true;
            used++;
            for (unsigned role = 1; role < AZ_EVERYONE; role <<= 1)
                if (((routes[i].roles & role) != 0) != authz_allows(role, handlers[k].perm)) {
                    fprintf(stderr, "\n%s: routes.def and authz.def differ\n", routes[i].handler);
                    CU_FAIL("two truths");
                }
        }
        if (!known)
            fprintf(stderr, "\n%s: which permission is it about?\n", routes[i].handler);
        CU_ASSERT_TRUE(known);
    }
    CU_ASSERT_EQUAL(used, ARRAY_LEN(handlers));
}

CU_TestInfo authz_tests[] = {
    {"lets nobody do anything", lets_nobody_do_anything},
    {"keeps the powers apart", keeps_the_powers_apart},
    {"reaches as far as the role says", reaches_as_far_as_the_role_says},
    {"keeps the three administrators apart", keeps_the_three_administrators_apart},
    {"gives the auditor no permission that changes anything",
     gives_the_auditor_no_permission_that_changes_anything},
    {"agrees with the routes", agrees_with_the_routes},
    CU_TEST_INFO_NULL,
};
