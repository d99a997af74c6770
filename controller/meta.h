#ifndef BY_CONTROLLER_META_H
#define BY_CONTROLLER_META_H
/* Facts about the store itself, by name.  Threads: owner of the connection. */
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/db/db.h"

#define META_STORE "store"           /* id */
#define META_NAME "name"             /* of the cloud, for papers */
#define META_TERM "term"             /* of leadership */
#define META_TERM_SEEN "term_seen"   /* highest that any host has seen */
#define META_ROOT "root_pem"         /* public key of the root */
#define META_RECOVERY "recovery"     /* reason, "" when not */
#define META_CLOCK_JUMP "clock_jump" /* 1 until a person confirms */
#define META_SCRAPE "scrape"         /* SHA-256 of the token that only reads metrics, "" none */
#define META_CALENDAR "calendar"     /* version that every open clock is computed by */

/** *v in the arena, NULL when there is none. */
int meta_get(struct db *d, const char *k, struct arena *a, const char **v, struct err *e);
int meta_set(struct db *d, const char *k, const char *v, struct err *e);
int meta_set_int(struct db *d, const char *k, int64_t v, struct err *e);
/** 0 when there is none. */
int meta_get_int(struct db *d, const char *k, int64_t *v, struct err *e);
#endif
