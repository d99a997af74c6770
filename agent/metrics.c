/* Rows and words only: what makes docs/metrics.md links nothing else of the agent. */
#include "agent/metrics.h"

#include "policies/recname.h"

static const char *const version_words[] = {BY_VERSION};
static const char *const call_words[] = {
    [AM_READ] = "read",     [AM_SAMPLE] = "sample",   [AM_NETWORK] = "network",
    [AM_VOLUME] = "volume", [AM_MACHINE] = "machine", [AM_POWER] = "power",
    [AM_ERASE] = "erase",   [AM_ROOM] = "room",       [AM_OTHER] = "other"};
static const char *const disk_words[] = {
    [AM_POOL] = "pool", [AM_IMAGES] = "images", [AM_RECEIPTS_DISK] = "receipts"};
static const char *const sample_words[] = {
    [AM_TAKEN] = "taken", [AM_MISSED] = "missed", [AM_DROPPED] = "dropped"};
static const char *const worker_words[] = {
    [AM_RUNNING] = "running", [AM_QUEUED] = "queued", [AM_RETIRED] = "retired"};

METRIC_LABEL(VERSION, "version", version_words);
METRIC_LABEL(CALL, "call", call_words);
METRIC_LABEL(DISK, "disk", disk_words);
METRIC_LABEL(SAMPLE, "what", sample_words);
METRIC_LABEL(WORKER, "state", worker_words);
static const struct metric_label AT_OP[1] = {{"op", rec_op_names, REC_OP__MAX}};

const struct metric_row agent_metrics[AM__MAX] = {
#define M(ID, name, kind, unit, l1, l2, help)                                                      \
    [AM_##ID] = METRIC_ROW(name, kind, unit, l1, l2, help),
#include "agent/metrics.def"
#undef M
};
