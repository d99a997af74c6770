#ifndef BY_DRIVERS_VIRT_DOMREAD_H
#define BY_DRIVERS_VIRT_DOMREAD_H
/* A domain's XML, as libvirt tells it, read into plain structs.  Anything may stand there: foreign
 * domains are written by others.  A card's network is known by UUID only when it is one of ours
 * (their names are by-<uuid>).  Errors: INVALID, TOO_LARGE.  Threads: any. */
#include "drivers/virt/virt.h"

enum { DOMREAD_MAX_DEVICES = 1024 };

struct domread {
    char id[W_ID], name[256];
    bool ours;        /* carries our mark */
    bool other_owner; /* carries the metadata of another manager */
    struct virt_mark mark;
    struct virt_dom_def def;
    const char *nvram;       /* file, or NULL */
    const char *const *logs; /* files that consoles are appended to */
    size_t n_logs;
};

/** Whether a metadata namespace is one of a manager whose domains are never ours to touch. */
bool domread_is_manager(const char *ns);
/** Strings and lists live in the arena; *out is written only on success. */
int domread_parse(const char *xml, struct arena *a, struct domread *out, struct err *e);
#endif
