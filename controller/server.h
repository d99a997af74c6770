#ifndef BY_CONTROLLER_SERVER_H
#define BY_CONTROLLER_SERVER_H
/* From a request to its answer: limits, match, authenticate, role on the loop thread; body by
 * schema and prepare_ on the workers; then a read connection, or the writer; encode; reply.  A loop
 * thread touches no disk and no store.  Threads: server_start() and server_stop() main; the rest
 * any. */
#include "controller/api.h"
#include "controller/controller.h"

#define SERVER_PEOPLE_BODY (1024 * 1024)
#define SERVER_AGENT_BODY (64 * 1024 * 1024)
#define SERVER_OPEN_AT_ONCE 32 /* requests without an account in work */

struct server;

/** Make the server certificate, listen on both addresses, start the loops, write
 * DIR/run/ports.json. */
int server_start(struct controller *c, struct err *e);
/** Take nothing new, wait until everything taken is answered; its commits are durable then. */
void server_drain(struct controller *c);
/** Refuse new requests, wait for those in work (parked ones must have been ended by their owner),
 * close the listeners. */
void server_stop(struct controller *c);
int server_people_port(const struct controller *c);
int server_agents_port(const struct controller *c);
/** 0 when the loops and the writer gave a sign of life (watchdog). */
int server_alive(struct controller *c, int timeout_ms);

/** For a parked call: run its handler again on the reader pool; on BUSY it is still parked. */
int server_resume(struct api_call *k, struct err *e);
/** For a parked call: encode k->out and reply; the call is gone afterwards. */
void server_answer(struct api_call *k);
/** For a parked call: reply with a problem document; the call is gone afterwards. */
void server_fail(struct api_call *k, const struct err *e);
/** The time by which requests are served. */
int64_t server_now(struct controller *c);
/** For an export: the handler once more on this connection, in its transaction, while the session
 * lasts, into k->out and with k->a. */
int server_look(struct api_call *k, struct db *d, int64_t now_ms, struct err *e);
/** For an export whose answer has left in pieces: the call is gone afterwards. */
void server_streamed(struct api_call *k, bool whole);
#endif
