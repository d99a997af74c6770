#ifndef BY_AGENT_CONFIG_H
#define BY_AGENT_CONFIG_H
/* Settings of the agent: one table of rows (config.c), read by conf.h.
 * Times are milliseconds.  Threads: read before they start, constant afterwards. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/conf.h"
#include "drivers/base/error.h"

struct agent_config {
    char url[256]; /* "" : as enrolled */
    char libvirt_uri[256];
    char pool_name[64], pool_path[256];
    char image_dir[256], serial_dir[256];
    bool forbid_kvm;
    int64_t workers, call_deadline_ms, stuck_max, stop_grace_ms, resync_ms, report_ms, poll_wait_ms;
    int64_t retry_ms; /* after a failure, at most so long */
    int64_t fetch_spare_mib;
    int64_t fetch_mib_s;    /* of base images; 0: as fast as it goes */
    char metrics_file[256]; /* "": none */
    int64_t metrics_ms;
    int64_t sample_ring; /* slots kept until acknowledged */
    char underlay[20];   /* this host's address between hosts; "": none */
    bool debug;
};

extern const struct conf_row agent_config_rows[];

/** file NULL: defaults only. */
int agent_config_load(const char *file, struct agent_config *out, struct err *e);
#endif
