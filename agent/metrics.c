/* Rows and words only: what makes docs/metrics.md links nothing else of the agent. */
#include "agent/metrics.h"

#include "policies/recname.h"

static const char *const version_words[] = {BY_VERSION};
static const char *const call_words[] = {
    [AM_READ] = "read",     [AM_SAMPLE] = "sample",   [AM_NETWORK] = "network",
    [AM_VOLUME] = "volume", [AM_MACHINE] = "machine", [AM_POWER] = "power",
    [AM_ERASE] = "erase",   [AM_OTHER] = "other"};
static const char *const disk_words[] = {
    [AM_POOL] = "pool", [AM_IMAGES] = "images", [AM_RECEIPTS_DISK] = "receipts"};
static const char *const sample_words[] = {
    [AM_TAKEN] = "taken", [AM_MISSED] = "missed", [AM_DROPPED] = "dropped"};
static const char *const worker_words[] = {
    [AM_RUNNING] = "running", [AM_QUEUED] = "queued", [AM_RETIRED] = "retired"};

#define LABEL(ID, text, list)                                                                      \
    static const struct metric_label AT_##ID[1] = {{text, list, ARRAY_LEN(list)}}
LABEL(VERSION, "version", version_words);
LABEL(CALL, "call", call_words);
LABEL(DISK, "disk", disk_words);
LABEL(SAMPLE, "what", sample_words);
LABEL(WORKER, "state", worker_words);
#undef LABEL
static const struct metric_label AT_OP[1] = {{"op", rec_op_names, REC_OP__MAX}};
#define AT_NONE NULL

const struct metric_row agent_metrics[AM__MAX] = {
#define M(ID, name_, kind_, unit_, l1, l2, help_)                                                  \
    [AM_##ID] = {.name = name_,                                                                    \
                 .kind = METRIC_##kind_,                                                           \
                 .unit = METRIC_##unit_,                                                           \
                 .label = AT_##l1,                                                                 \
                 .label2 = AT_##l2,                                                                \
                 .help = help_},
#include "agent/metrics.def"
#undef M
};
