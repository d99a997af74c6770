#ifndef BY_AGENT_METRICS_H
#define BY_AGENT_METRICS_H
/* The agent's metrics: rows of metrics.def, written to a file for node_exporter's textfile
 * collector when the configuration names one; without, nothing is kept.  Hosts open no port for us.
 * Threads: counting any, the rest the owner's. */
#include "agent/agent.h"
#include "drivers/base/metric.h"

enum am {
#define M(ID, name, kind, unit, label, label2, help) AM_##ID,
#include "agent/metrics.def"
#undef M
    AM__MAX
};
extern const struct metric_row agent_metrics[AM__MAX];

/* Words of the labels, in their order. */
enum {
    AM_READ,
    AM_SAMPLE,
    AM_NETWORK,
    AM_VOLUME,
    AM_MACHINE,
    AM_POWER,
    AM_ERASE,
    AM_ROOM,
    AM_OTHER
};
enum { AM_POOL, AM_IMAGES, AM_RECEIPTS_DISK };
enum { AM_TAKEN, AM_MISSED, AM_DROPPED };
enum { AM_RUNNING, AM_QUEUED, AM_RETIRED };

/** The file must be in a folder that is there; without one *m stays NULL. */
int am_open(struct agent *ag, struct err *e);
/** A job of workers ended; for workers_config.ended, arg: the struct metrics. */
void am_call_ended(void *metrics, const struct worker_job *j);
void am_contact(struct agent *ag, bool answered);
/** Look at everything and write the file, when that is due; returns milliseconds until then.
 * Folders that may be on a disk of the network are looked at by a worker: the file has what the
 * last one found. */
int am_round(struct agent *ag, int64_t now_mono_ms);
#endif
