#ifndef BY_CONTROLLER_IMAGER_H
#define BY_CONTROLLER_IMAGER_H
/* Looks at base images that were sent whole: hash, header, then their place on the disk and their
 * state in the store.  One thread with its own read connection, one image at a time; it takes up
 * after a crash what is still in the state `uploaded`.  Threads: imager_new() and _free() main, the
 * rest any. */
#include "controller/api.h"

struct imager;

int imager_new(struct controller *c, struct imager **out, struct err *e);
/** Joins the thread, which finishes the image at hand; before the writer ends.  NULL is fine. */
void imager_free(struct imager *m);
/** Something was sent whole; NULL is fine. */
void imager_wake(struct imager *m);
/** Look at the oldest one now, in the calling thread: 1 done, 0 none, -1 to be tried again. */
int imager_step(struct controller *c, struct db *d, struct err *e);
#endif
