#ifndef BY_CONTROLLER_GRANTING_H
#define BY_CONTROLLER_GRANTING_H
/* Grants against what the store has: base images, addresses and bridges.  Threads: owner of the
 * connection. */
#include "controller/api.h"
#include "controller/grant_expand.h"

/** Each machine's image is registered and published, and fits the line: firmware, least disk and
 * memory.  INVALID names the field.  old: the grant that it supersedes, or NULL: lines that make
 * nothing more keep their image, also when it was retired. */
int granting_images(struct tx *t, const struct w_grant *g, const struct w_grant *old,
                    struct arena *a, struct err *e);
/** Architecture of an image, or "" when it is not registered. */
int granting_arch(struct db *d, const char *sha256, struct arena *a, const char **out,
                  struct err *e);
/** grant_expand() with MACs, addresses and bridges that nothing here has; there: what the grant
 * takes on, by line number, or NULL. */
int granting_expand(struct tx *t, const struct w_grant *g, const char *ssh_key,
                    const struct expand_there *there, struct arena *a, struct expansion *x,
                    struct err *e);
#endif
