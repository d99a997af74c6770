#ifndef BY_TESTS_CONTRACT_CONTRACT_H
#define BY_TESTS_CONTRACT_CONTRACT_H
/* What every back end promises, one row per promise, run over fake, test:/// and QEMU.  A row
 * states which capabilities it needs and is skipped, with the reason, where they are missing.  Rows
 * make their own objects with fresh ids and remove them.  Threads: one. */
#include <stdbool.h>
#include <sys/types.h>

#include "drivers/base/scope.h"
#include "drivers/virt/virt.h"

/* A bootable image is given: the environment variable CONTRACT_IMAGE. */
#define CONTRACT_CAN_IMAGE (1u << 31)
/* A libvirtd that may be stopped and killed: CONTRACT_LIBVIRTD_PID. */
#define CONTRACT_CAN_KILL (1u << 30)
/* A libvirt with QEMU that virsh can be pointed at, as an administrator does. */
#define CONTRACT_CAN_VIRSH (1u << 29)
#define NEEDS_GUEST (VIRT_CAN_BOOT | VIRT_CAN_OVERLAY | VIRT_CAN_BALLOON | CONTRACT_CAN_IMAGE)

struct contract {
    struct virt *v;
    struct virt_caps caps;
    const char *uri, *pool, *dir; /* pool: its folder; dir: scratch */
    struct arena a;               /* cleared after each row */
    unsigned failed;              /* checks of this row */
};

struct contract_row {
    const char *name;
    unsigned needs; /* VIRT_CAN_…, CONTRACT_CAN_… */
    void (*run)(struct contract *c);
};
extern const struct contract_row contract_rows[]; /* ends with name NULL */

/** Report a failed check with its place. */
void contract_fail(struct contract *c, const char *file, int line, const char *what,
                   const struct err *e);
/** A fresh random UUID, in the arena. */
const char *contract_id(struct contract *c);
/** A VM spec with a small root disk and seed that exist, as far as the back end has files. */
struct virt_dom_spec *contract_vm(struct contract *c);
struct virt_net_spec *contract_net(struct contract *c);
/** Stop and remove a VM of contract_vm() and its volumes. */
void contract_vm_drop(struct contract *c, const struct virt_dom_spec *s);
/** Give libvirt's schema check a definition; kind is domain, network, storagevol. */
void contract_validate(struct contract *c, const char *xml, const char *kind);

/* What an administrator does beside us, by the back end's own means (world.c). */
/** Define a domain from XML without us. */
int contract_foreign(struct contract *c, const char *id, const char *xml, struct err *e);
/** XML of a small domain for contract_foreign(), fit for this back end. */
const char *contract_foreign_xml(struct contract *c, const char *id, const char *metadata,
                                 const char *devices);
/** Put an element into a domain's devices. */
int contract_add_element(struct contract *c, const char *id, const char *element, struct err *e);
/** Let a running domain stand still. */
int contract_pause(struct contract *c, const char *id, struct err *e);
/** Save a running domain's memory to disk and stop it. */
int contract_save(struct contract *c, const char *id, struct err *e);
/** A program with these words, blanks between: done, or failed. */
int contract_run(struct contract *c, struct err *e, const char *words);
/** virsh with these words, blanks between: done, or failed. */
int contract_virsh(struct contract *c, struct err *e, const char *words);
/** The same, not waited for. */
int contract_virsh_begin(struct contract *c, pid_t *pid, struct err *e, const char *words);
int contract_wait(pid_t pid, struct err *e);
/** End of the administrator's domain. */
void contract_foreign_drop(struct contract *c, const char *id);

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond))                                                                               \
            contract_fail(c, __FILE__, __LINE__, #cond, NULL);                                     \
    } while (0)
/* The call succeeds; e is declared here. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        struct err err_ = {0}, *e = &err_;                                                         \
        if ((call) < 0)                                                                            \
            contract_fail(c, __FILE__, __LINE__, #call, e);                                        \
    } while (0)
#define FAILS(call, want)                                                                          \
    do {                                                                                           \
        struct err err_ = {0}, *e = &err_;                                                         \
        if ((call) == 0 || err_.code != (want))                                                    \
            contract_fail(c, __FILE__, __LINE__, #call " is " #want, e);                           \
    } while (0)
#endif
