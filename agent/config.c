#include "agent/config.h"

#include "drivers/codec/netpart.h"

#define ROW(sec, k, t, m, d, lo, hi, h)                                                            \
    {                                                                                              \
        sec, k, t, CONF_AT(struct agent_config, m), d, lo, hi, h                                   \
    }
const struct conf_row agent_config_rows[] = {
    ROW("controller", "url", CONF_STR, url, "", 0, 0,
        "the controller's listener for agents; empty: as enrolled"),
    ROW("controller", "poll_wait_ms", CONF_INT, poll_wait_ms, "50000", 0, 60000,
        "how long a poll may wait for news"),
    ROW("controller", "retry_ms", CONF_INT, retry_ms, "2000", 10, 30000,
        "after a failure it waits at most so long, at least half of it, and twice as long each "
        "time; "
        "many hosts that lost the controller together do not come back together"),
    ROW("controller", "report_ms", CONF_INT, report_ms, "60000", 100, 600000,
        "a full inventory at least this often; changes are reported at once"),
    ROW("libvirt", "uri", CONF_STR, libvirt_uri, "qemu:///system", 1, 0,
        "where the hypervisor is; fake:///FOLDER is one for tests"),
    ROW("libvirt", "pool_name", CONF_STR, pool_name, "bianyun", 1, 0, "name of our storage pool"),
    ROW("libvirt", "pool_path", CONF_PATH, pool_path, "/var/lib/bianyun/pool", 1, 0,
        "its folder; QEMU's user must be able to enter it"),
    ROW("libvirt", "forbid_kvm", CONF_BOOL, forbid_kvm, "no", 0, 0,
        "yes: emulate even where the CPU can do better"),
    ROW("libvirt", "workers", CONF_INT, workers, "4", 1, 16,
        "calls at a time; libvirtd serves 5 requests a client"),
    ROW("libvirt", "call_deadline_ms", CONF_INT, call_deadline_ms, "20000", 10, 600000,
        "a call that takes longer puts its machine into quarantine until it returns"),
    ROW("libvirt", "stuck_max", CONF_INT, stuck_max, "16", 2, 64,
        "calls that may hang before nothing more is tried"),
    ROW("libvirt", "resync_ms", CONF_INT, resync_ms, "10000", 50, 600000,
        "everything is read again at least this often"),
    ROW("libvirt", "image_dir", CONF_PATH, image_dir, "/var/lib/bianyun/images", 1, 0,
        "base images, named by their SHA-256"),
    ROW("images", "fetch_mib_s", CONF_INT, fetch_mib_s, "100", 0, 100000,
        "base images come from the controller at most so fast, MiB a second; 0: as fast as it "
        "goes"),
    ROW("images", "spare_mib", CONF_INT, fetch_spare_mib, "1024", 0, 1073741824,
        "room that fetched base images leave free on their disk, MiB"),
    ROW("libvirt", "serial_dir", CONF_PATH, serial_dir, "", 0, 0,
        "serial consoles of machines are logged here; empty: serial in the agent's folder"),
    ROW("libvirt", "stop_grace_ms", CONF_INT, stop_grace_ms, "90000", 0, 3600000,
        "from asking a guest to stop to pulling its plug"),
    ROW("metrics", "file", CONF_PATH, metrics_file, "", 0, 0,
        "figures of this agent for Prometheus: a .prom file in the folder of node_exporter's "
        "textfile collector; empty: none"),
    ROW("metrics", "every_ms", CONF_INT, metrics_ms, "15000", 100, 600000,
        "how often that file is written"),
    ROW("network", "underlay", CONF_STR, underlay, "", 0, 0,
        "this host's IPv4 address on the closed network between hosts, for VXLAN (UDP 4789); "
        "empty: it takes no part of a segment"),
    ROW("samples", "ring", CONF_INT, sample_ring, "50000", 100, 1000000,
        "slots kept in memory until the controller has them"),
    ROW("log", "debug", CONF_BOOL, debug, "no", 0, 0, "log everything"),
    {0},
};
#undef ROW

int
agent_config_load(const char *file, struct agent_config *out, struct err *e)
{
    if (file == NULL)
        return conf_parse("defaults", "", 0, agent_config_rows, sizeof(*out), out, e);
    if (conf_load(file, agent_config_rows, sizeof(*out), out, e) < 0)
        return -1;
    if (out->underlay[0] != '\0' && !netpart_is_host(out->underlay))
        return err_set(e, BY_E_INVALID, "%s: underlay = %s is no IPv4 address of a host", file,
                       out->underlay);
    return 0;
}
