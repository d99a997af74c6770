#ifndef BY_CONTROLLER_GROUP_H
#define BY_CONTROLLER_GROUP_H
/* What one commit group gathers besides its rows: ledger tail, orders to sign, hosts to wake,
 * things to do afterwards.  All of it but the arena is in struct group_state, so that taking back a
 * step is one assignment.  Threads: the writer. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/codec/wire.h"
#include "drivers/db/db.h"

struct controller;

struct group_order { /* newest first */
    struct group_order *next;
    char id[W_ID];
    const char *body;
};
struct group_touch {
    struct group_touch *next;
    char host[W_ID];
    int64_t revision;
};
struct group_hook {
    struct group_hook *next;
    void (*fn)(struct controller *c, void *arg);
    void *arg;
};

struct ledger_tail {
    uint64_t seq; /* 0: empty */
    char hash[65];
    int64_t at_ms;
};

struct group_state {
    struct ledger_tail tail;
    bool appended;
    int64_t revision;
    bool revised;
    struct group_order *orders;
    size_t n_orders;
    struct group_touch *touches;
    struct group_hook *hooks;
};

struct group {
    struct controller *c;
    struct db *d;
    struct arena arena;
    const char *head; /* the signed head, once sealed */
    bool jumped;      /* this group found that the clock has jumped; what it should be, and when */
    int64_t jumped_wall_ms, jumped_mono_ms;
    struct group_state s;
};
#endif
