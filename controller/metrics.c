/* Rows and words only: what makes docs/metrics.md links nothing else of the controller. */
#include "controller/metrics.h"

#include "controller/jobs.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "drivers/db/store_quota.h"

static const char *const who_words[] = {[CM_PERSON] = "person", [CM_AGENT] = "agent"};
static const char *const book_words[] = {[CM_UNBALANCED] = "movements",
                                         [CM_SUMS] = "sums",
                                         [CM_PROMISES] = "hosts",
                                         [CM_TABLE] = "table"};
static const char *const version_words[] = {BY_VERSION};
static const char *const clock_words[] = {
    [CM_CLOCKS_OPEN] = "open", [CM_CLOCKS_OVERDUE] = "overdue", [CM_CLOCKS_HELD] = "held"};
static const char *const listener_words[] = {[CM_PEOPLE] = "people", [CM_AGENTS] = "agents"};
static const char *const delivery_words[] = {[CM_WAITING] = "waiting", [CM_DEAD] = "dead"};
const char *const cm_host_states[CM_HOST_STATES] = {"enrolling", "ready",   "cordoned", "held",
                                                    "silent",    "refused", "revoked",  "other"};
const char *const cm_jobs[] = {
    [JOB_PLANS] = "plans",     [JOB_HOLDS] = "holds", [JOB_HOSTS] = "hosts",
    [JOB_CLOCKS] = "clocks",   [JOB_PROOF] = "proof", [JOB_FINDINGS] = "findings",
    [JOB_UPLOADS] = "uploads", [JOB_TABLE] = "table"};
static const char *const order_words[] = {
    [CM_ORDERS_OPEN] = "open", [CM_ORDERS_OVERDUE] = "overdue"};
static const char *const pool_words[] = {
    [CM_READERS] = "readers", [CM_WORKERS] = "workers", [CM_HASHERS] = "hashers"};
static const char *const quota_words[] = {
    [QM_VCPUS] = "vcpus", [QM_MEM] = "mem_mib", [QM_DISK] = "disk_gib", [QM_NETWORKS] = "networks"};
static const char *const request_words[] = {[CM_READ] = "read", [CM_WRITE] = "write"};
static const char *const route_words[] = {
#define ROUTE(m, p, r, h, i, o, d) #h,
#include "controller/routes.def"
#undef ROUTE
    "none"};
static const char *const class_words[] = {"2xx", "3xx", "4xx", "5xx"};
static const char *const file_words[] = {[CM_DB] = "db", [CM_WAL] = "wal"};

METRIC_LABEL(WHO, "who", who_words);
METRIC_LABEL(BOOK, "book", book_words);
METRIC_LABEL(VERSION, "version", version_words);
METRIC_LABEL(CLOCK_STATE, "state", clock_words);
METRIC_LABEL(LISTENER, "listener", listener_words);
METRIC_LABEL(DELIVERY, "state", delivery_words);
METRIC_LABEL(HOST_STATE, "state", cm_host_states);
METRIC_LABEL(JOB, "job", cm_jobs);
static const struct metric_label AT_VERB[1] = {{"verb", w_verb_names + 1, CM_VERBS}};
METRIC_LABEL(ORDER_STATE, "state", order_words);
METRIC_LABEL(POOL, "pool", pool_words);
METRIC_LABEL(QUOTA, "metric", quota_words);
METRIC_LABEL(REQUEST_KIND, "kind", request_words);
METRIC_LABEL(ROUTE_NAME, "route", route_words);
METRIC_LABEL(CLASS, "class", class_words);
METRIC_LABEL(STORE_FILE, "file", file_words);

const struct metric_row controller_metrics[CM__MAX] = {
#define M(ID, name, kind, unit, l1, l2, help)                                                      \
    [CM_##ID] = METRIC_ROW(name, kind, unit, l1, l2, help),
#include "controller/metrics.def"
#undef M
};
