#ifndef BY_AGENT_SHOW_IMAGES_H
#define BY_AGENT_SHOW_IMAGES_H
/* Base images on this host, for people: what uses them, and removing one that nothing does.  The
 * agent itself never removes any.  Threads: one. */
#include <stdio.h>

#include "drivers/base/error.h"

/** A line for each file of the image folder: hash, size, how many machines' receipts and how many
 * volumes of the pool stand on it.  config_file NULL: agent.conf of dir, if it is there. */
int show_images(const char *dir, const char *config_file, FILE *out, struct err *e);
/** Unlink one.  CONFLICT when anything stands on it, BUSY while the agent runs, and the
 * hypervisor's error when it does not tell its volumes: unknown is not unused. */
int show_images_remove(const char *dir, const char *config_file, const char *sha256, FILE *out,
                       struct err *e);
#endif
