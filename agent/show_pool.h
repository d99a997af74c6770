#ifndef BY_AGENT_SHOW_POOL_H
#define BY_AGENT_SHOW_POOL_H
/* The shared pool of this host, for the program's user: marking one, and what lies in it.
 * Threads: one. */
#include <stdio.h>

#include "drivers/base/error.h"

/** Mark the folder of this host's pool as shared, once for all its hosts; already is success. */
int show_pool_share(const char *dir, const char *config_file, FILE *out, struct err *e);
/** Forget that this host worked with a shared pool, with the agent stopped, so that another folder
 * may be its pool; refused while it answers for anything. */
int show_pool_leave(const char *dir, FILE *out, struct err *e);
/** Which pool it is, who its steward is, and what is asked of it. */
int show_pool(const char *dir, const char *config_file, FILE *out, struct err *e);
#endif
