#ifndef BY_DRIVERS_CODEC_JCLASS_H
#define BY_DRIVERS_CODEC_JCLASS_H
/* The forms of text fields (enum jm_class), one checker each; also for people's input outside JSON
 * (command line, configuration).  Threads: any. */
#include "drivers/codec/jmap.h"

/** NULL when s (len bytes) has the form of cls, else a phrase that says what is wrong, e.g.
 * "must be a UUID like 1b4e28ba-2fa1-41d2-983f-0016d3cca427".  Empty text has no form but JM_ANY
 * and JM_LINE. */
const char *jclass_fault(enum jm_class cls, const char *s, size_t len);
/** Bytes, NUL included, that a char[] needs to hold any text of a fixed form; 2 for free forms. */
size_t jclass_room(enum jm_class cls);
/** Name for documents: "UUID", "IPv4 address", … */
const char *jclass_name(enum jm_class cls);
#endif
