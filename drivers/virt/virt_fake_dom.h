#ifndef BY_DRIVERS_VIRT_VIRT_FAKE_DOM_H
#define BY_DRIVERS_VIRT_VIRT_FAKE_DOM_H
/* Domains of a fake world: one file each with the persistent and the live XML, which the same
 * writers, editors and readers handle as for libvirt.  Functions need the world's lock. */
#include "drivers/virt/virt_fake_world.h"

struct fake_dom {
    enum virt_state state;
    bool no_space;             /* paused on a full pool */
    long long run;             /* number of its last start in this world */
    const char *config, *live; /* NULL: transient; NULL: not active */
};

extern const struct virt_dom_ops virt_fake_dom_ops;

/** NOT_FOUND. */
int fake_dom_load(const char *world, const char *id, struct arena *a, struct fake_dom *out,
                  struct err *e);
int fake_dom_store(const char *world, const char *id, const struct fake_dom *d, struct err *e);
/** Off in this state; a transient one is gone. */
int fake_dom_stop(const char *world, const char *id, struct fake_dom *d, enum virt_state state,
                  struct err *e);
/** What a list says of it. */
int fake_dom_see(const char *world, const char *id, const struct fake_dom *d, struct arena *a,
                 struct virt_dom_seen *out, struct err *e);
#endif
