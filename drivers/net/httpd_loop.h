#ifndef BY_DRIVERS_NET_HTTPD_LOOP_H
#define BY_DRIVERS_NET_HTTPD_LOOP_H
/* An event-loop thread with its part of every listener.  All loops accept from the same sockets;
 * one that has its share of connections stops accepting until one closes. */
#include "drivers/net/httpd_int.h"

int loop_init(struct loop *l, struct err *e);
/** Take part in a listener, at most cap connections; before loop_start(). */
int loop_listen(struct loop *l, struct lst *s, int cap, struct err *e);
int loop_start(struct loop *l, struct err *e);
/** Ask to stop, join, free. Half-built loops too. */
void loop_clear(struct loop *l);
/** Close connections of this certificate, soon.  Any thread. */
void loop_revoke(struct loop *l, const char *fingerprint);
/** Ask for a sign of life; the number to wait for.  Any thread. */
uint64_t loop_ask(struct loop *l);
/** 0 when it came by the deadline (CLOCK_MONOTONIC).  Any thread. */
int loop_wait(struct loop *l, uint64_t asked, const struct timespec *deadline);
#endif
