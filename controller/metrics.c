/* Rows and words only: what makes docs/metrics.md links nothing else of the controller. */
#include "controller/metrics.h"

#include "controller/jobs.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "drivers/db/store_quota.h"

static const char *const who_words[] = {[CM_PERSON] = "person", [CM_AGENT] = "agent"};
static const char *const book_words[] = {
    [CM_UNBALANCED] = "movements", [CM_SUMS] = "sums", [CM_PROMISES] = "hosts"};
static const char *const version_words[] = {BY_VERSION};
static const char *const clock_words[] = {
    [CM_CLOCKS_OPEN] = "open", [CM_CLOCKS_OVERDUE] = "overdue", [CM_CLOCKS_HELD] = "held"};
static const char *const listener_words[] = {[CM_PEOPLE] = "people", [CM_AGENTS] = "agents"};
static const char *const delivery_words[] = {[CM_WAITING] = "waiting", [CM_DEAD] = "dead"};
const char *const cm_host_states[CM_HOST_STATES] = {"enrolling", "ready",   "cordoned", "held",
                                                    "silent",    "refused", "revoked",  "other"};
const char *const cm_jobs[] = {
    [JOB_PLANS] = "plans",    [JOB_HOLDS] = "holds", [JOB_HOSTS] = "hosts",
    [JOB_CLOCKS] = "clocks",  [JOB_PROOF] = "proof", [JOB_FINDINGS] = "findings",
    [JOB_UPLOADS] = "uploads"};
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

#define LABEL(ID, text, list)                                                                      \
    static const struct metric_label AT_##ID[1] = {{text, list, ARRAY_LEN(list)}}
LABEL(WHO, "who", who_words);
LABEL(BOOK, "book", book_words);
LABEL(VERSION, "version", version_words);
LABEL(CLOCK_STATE, "state", clock_words);
LABEL(LISTENER, "listener", listener_words);
LABEL(DELIVERY, "state", delivery_words);
LABEL(HOST_STATE, "state", cm_host_states);
LABEL(JOB, "job", cm_jobs);
static const struct metric_label AT_VERB[1] = {{"verb", w_verb_names + 1, CM_VERBS}};
LABEL(ORDER_STATE, "state", order_words);
LABEL(POOL, "pool", pool_words);
LABEL(QUOTA, "metric", quota_words);
LABEL(REQUEST_KIND, "kind", request_words);
LABEL(ROUTE_NAME, "route", route_words);
LABEL(CLASS, "class", class_words);
LABEL(STORE_FILE, "file", file_words);
#undef LABEL
#define AT_NONE NULL

const struct metric_row controller_metrics[CM__MAX] = {
#define M(ID, name_, kind_, unit_, l1, l2, help_)                                                  \
    [CM_##ID] = {.name = name_,                                                                    \
                 .kind = METRIC_##kind_,                                                           \
                 .unit = METRIC_##unit_,                                                           \
                 .label = AT_##l1,                                                                 \
                 .label2 = AT_##l2,                                                                \
                 .help = help_},
#include "controller/metrics.def"
#undef M
};
