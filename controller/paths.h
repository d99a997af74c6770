#ifndef BY_CONTROLLER_PATHS_H
#define BY_CONTROLLER_PATHS_H
/* Where things lie in the controller's folder.  Threads: any. */
#include <stddef.h>

#include "drivers/base/error.h"

#define PATH_STORE "store.db"
#define PATH_ROOT_DIR "root"
#define PATH_ROOT_KEY "root/root.key" /* belongs offline */
#define PATH_KEYS_DIR "keys"
#define PATH_ROOT_PUB "keys/root.pub.pem"
#define PATH_ORDER_KEY "keys/order.key"
#define PATH_CA_KEY "keys/ca.key"
#define PATH_CA_CERT "ca.pem"    /* for clients to pin */
#define PATH_IMAGES_DIR "images" /* bytes of base images, by SHA-256 */
#define PATH_HOOKS_DIR "hooks"   /* secrets of webhooks, NAME.secret, mode 0600 */
#define PATH_CONF "controller.conf"
#define PATH_RUN_DIR "run"
#define PATH_LOCK "run/lock"

/** DIR/file into out; INVALID when it does not fit. */
int paths_join(const char *dir, const char *file, char *out, size_t size, struct err *e);
#endif
