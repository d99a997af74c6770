#ifndef BY_TESTS_SIM_BOOKS_H
#define BY_TESTS_SIM_BOOKS_H
/* What must be 0 in every store at any moment, also after kill -9: quota is the sum of its entries,
 * balanced, within its grant, and covers what is held; what hosts are promised adds up. */
static const struct {
    const char *name, *sql;
} books[] = {
    {"quota is the sum of its entries",
     "SELECT COUNT(*) FROM quota_sum s LEFT JOIN (SELECT grant_, metric, account_, SUM(amount) AS "
     "n "
     "FROM quota_entry GROUP BY grant_, metric, account_) q ON q.grant_=s.grant_ AND "
     "q.metric=s.metric AND q.account_=s.account_ WHERE s.amount<>COALESCE(q.n,0)"},
    {"quota is balanced", "SELECT COUNT(*) FROM (SELECT grant_, metric FROM quota_sum GROUP BY "
                          "grant_, metric HAVING SUM(amount)<>0) x"},
    {"never above the grant",
     "SELECT COUNT(*) FROM quota_sum WHERE account_ IN ('free','reserved','used') AND amount<0"},
    {"quota is what is held",
     "SELECT COUNT(*) FROM resource r LEFT JOIN (SELECT resource, SUM(amount) AS n FROM "
     "quota_entry WHERE metric='vcpus' AND account_ IN ('reserved','used') GROUP BY resource) q ON "
     "q.resource=r.id WHERE r.kind=1 AND COALESCE(q.n,0) < CASE WHEN r.wanted<4 AND r.absent_ms=0 "
     "THEN r.vcpus ELSE 0 END"},
    {"promises are sums", "SELECT COUNT(*) FROM host h LEFT JOIN (SELECT host, "
                          "SUM(promised_vcpus) AS n FROM resource GROUP BY host) r ON "
                          "r.host=h.id WHERE h.promised_vcpus<>COALESCE(r.n,0)"},
};
#endif
