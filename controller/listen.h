#ifndef BY_CONTROLLER_LISTEN_H
#define BY_CONTROLLER_LISTEN_H
/* The two TLS listeners: their certificate, addresses and ports.  Threads: main. */
#include "controller/controller.h"

struct listen_to {
    void (*people)(struct http_req *r, void *arg);
    void (*agents)(struct http_req *r, void *arg);
    void *arg;
};

/** Issue a server certificate for the configured names and addresses, listen, start the loops,
 * write DIR/run/ports.json.  Sets c->httpd, people and agents. */
int listen_start(struct controller *c, const struct listen_to *to, struct err *e);
#endif
