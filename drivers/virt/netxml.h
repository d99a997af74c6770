#ifndef BY_DRIVERS_VIRT_NETXML_H
#define BY_DRIVERS_VIRT_NETXML_H
/* An isolated network as libvirt XML and back.  No forwarding; dnsmasq gives addresses to fixed
 * hosts only (there is no range: a card that no order knows gets none), and answers no DNS.  The
 * mark sits in <metadata>: libvirt 9.0 keeps it in the persistent definition and in the XML of a
 * running network that was started from it (measured; older ones may drop it), but offers no
 * way to change it in a running one: read the inactive definition.  Threads: any. */
#include "drivers/virt/virt.h"

struct netread {
    char id[W_ID], name[256], bridge[20], cidr[20];
    bool ours;
    struct virt_mark mark;
    const struct virt_net_host *hosts;
    size_t n_hosts;
};

int netxml_build(const struct virt_net_spec *s, struct arena *a, const char **out, struct err *e);
int netxml_parse(const char *xml, struct arena *a, struct netread *out, struct err *e);
/** Set mark in the definition that libvirt returned; CONFLICT when it is not ours or has another
 * range or bridge than the spec. */
int netxml_edit(const char *xml, const struct virt_net_spec *s, struct arena *a, const char **out,
                bool *changed, struct err *e);
/** One fixed host, for virNetworkUpdate(). */
int netxml_host(const struct virt_net_host *h, struct arena *a, const char **out, struct err *e);
#endif
