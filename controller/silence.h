#ifndef BY_CONTROLLER_SILENCE_H
#define BY_CONTROLLER_SILENCE_H
/* Of a silent host nothing is known: neither that a machine on it runs, nor that it does not.
 * Threads: owner of the connection. */
#include "controller/api.h"

/** Why nothing is known of a host now, for people; NULL: it speaks, and its libvirt answers it.
 * seen_ms, unknown (why libvirt does not answer, or NULL): as its row has them. */
const char *host_silence(const struct tx *t, const char *host, int64_t seen_ms, const char *unknown,
                         struct arena *a);
/** The sentence for something that stands on it. */
const char *silence_sentence(const char *host_name, const char *silence, int last_seen,
                             struct arena *a);
/** Ids of those of which nothing is known now, sorted. */
struct silent_hosts {
    char (*ids)[W_ID];
    size_t n;
};
int silent_hosts_get(struct tx *t, struct arena *a, struct silent_hosts *out, struct err *e);
bool silent_hosts_have(const struct silent_hosts *l, const char *host);
#endif
