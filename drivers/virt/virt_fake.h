#ifndef BY_DRIVERS_VIRT_VIRT_FAKE_H
#define BY_DRIVERS_VIRT_VIRT_FAKE_H
/* A hypervisor without one: the world is a folder (uri fake:///ABSOLUTE/FOLDER), a file per domain
 * and network, volumes are real files in the pool's folder.  Every change is one rename, so kill -9
 * anywhere loses nothing that a call has acknowledged.  Several processes may open one world.
 *
 *   dom/<id>.dom, net/<id>.json  definitions and states
 *   nvram/, save/                 files that a hypervisor would keep
 *   script                        scripted failures, below; read again at each call
 *   calls/<OP>                    how often OP was called (a decimal number)
 *   load/<id>, load/default       words cpu=PERMILLE (of all vCPUs together) rx=BYTES/S
 *                                 tx=BYTES/S block=BYTES/S mem=USED% (-1: no balloon) deaf=1
 *                                 (ignores shutdown) job=1 (a migration is running) snapshots=N
 *   autostart/<id>                libvirt's autostart is on
 *   host                          words cpus=N mem_mib=N pool_bytes=N uefi=0 kvm=1
 *   release                       while it exists, nothing hangs
 *
 * Lines of the script: OP K WHAT [id=ID]
 *   OP    dom.define, vol.create … (noun.slot of virt.h), open, ping, caps, or any
 *   K     the K-th call from 1, K+ that one and all later, * all.  Counted over processes and
 *         restarts; with id= only calls about that object count
 *   WHAT  fail CODE  nothing is done, CODE is a word of error.h (io, busy, no_space …)
 *         slow MS    does it, that much later
 *         lose       does it, the answer is TIMEOUT
 *         half       vol.create: full size, half of the content, TIMEOUT; others: as lose
 *         hang       blocks until the file release exists, then does it
 *         gone       the connection is lost: this call and all later ones of the handle are BUSY
 * # starts a comment.  A line that cannot be read fails every call: a typo must not pass a test.
 *
 * Errors as in virt.h.  Threads: as in virt.h; the tools may run beside open handles. */
#include <stdbool.h>

#include "drivers/virt/virt.h"

/** For virt_open(): c->uri starts with fake://.  Makes the folder when absent. */
int virt_fake_open(const struct virt_config *c, struct virt **out, struct err *e);

/* Tools that do to a world what happens to a host.  world is the folder. */

/** The guest's process dies: state crashed, counters gone. */
int virt_fake_crash(const char *world, const char *id, struct err *e);
/** The guest stands still: by a person, or (no_space) because a write found its pool full. */
int virt_fake_pause(const char *world, const char *id, bool no_space, struct err *e);
/** The machine is reset: every domain off, transient ones gone, networks down, pool not started. */
int virt_fake_reboot(const char *world, struct err *e);
enum virt_fake_foreign { VIRT_FAKE_OFF, VIRT_FAKE_RUNNING, VIRT_FAKE_TRANSIENT };
/** A domain that somebody else made, kept byte for byte; a transient one runs and has no persistent
 * definition. */
int virt_fake_add_foreign(const char *world, const char *id, const char *xml,
                          enum virt_fake_foreign how, struct err *e);
/** Put an element that we do not know into a domain's devices, by hand as an administrator would.
 */
int virt_fake_add_element(const char *world, const char *id, const char *element, struct err *e);
/** Memory saved to disk (managed save): the domain is off, a save file with these bytes is there.
 */
int virt_fake_save(const char *world, const char *id, const void *bytes, size_t len, struct err *e);
/** Write one line of load/<id>; id may be "default". */
int virt_fake_load(const char *world, const char *id, const char *line, struct err *e);
/** How often OP ("any" for all) was called in this world. */
int virt_fake_calls(const char *world, const char *op, unsigned long long *out, struct err *e);
#endif
