#ifndef BY_CONTROLLER_GRANTING_H
#define BY_CONTROLLER_GRANTING_H
/* Grants against what the store has: base images, addresses and bridges.  Threads: owner of the
 * connection. */
#include "controller/api.h"
#include "controller/grant_expand.h"

/** Each machine's image is registered and published, and fits the line: firmware, least disk and
 * memory.  INVALID names the field. */
int granting_images(struct tx *t, const struct w_grant *g, struct arena *a, struct err *e);
/** Architecture of an image, or "" when it is not registered. */
int granting_arch(struct db *d, const char *sha256, struct arena *a, const char **out,
                  struct err *e);
/** grant_expand() with MACs and bridges that nothing here has. */
int granting_expand(struct tx *t, const struct w_grant *g, const char *ssh_key, struct arena *a,
                    struct expansion *x, struct err *e);
#endif
