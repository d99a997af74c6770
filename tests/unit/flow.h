#ifndef BY_TESTS_UNIT_FLOW_H
#define BY_TESTS_UNIT_FLOW_H
/* A whole controller with listeners, five people signed in, one system, and one enrolled host that
 * the test plays itself: real HTTP, real certificates, real signatures.  Aborts when it cannot be
 * made. */
#include "drivers/codec/wire.h"
#include "drivers/net/httpc.h"
#include "tests/unit/ctl.h"

enum flow_who { FLOW_ADMIN, FLOW_BUREAU, FLOW_PROVIDER, FLOW_TENANT, FLOW_OTHER, FLOW__MAX };

struct flow {
    struct ctl ctl;
    struct arena a; /* of everything that the test gets */
    struct httpc *people[FLOW__MAX];
    char *token[FLOW__MAX];
    char account[FLOW__MAX][W_ID], unit[FLOW__MAX][W_ID];
    char system[W_ID]; /* of FLOW_TENANT's unit */
    struct sigkey *grant_key;
    /* the host that the test plays */
    struct httpc *agent;
    char host[W_ID], host_name[W_NAME], boot[W_ID];
    char underlay[20];   /* that it says in its hello, "" none */
    char pool[W_ID];     /* shared pool that it says it sees, "" none */
    const char *steward; /* newest word of who its steward is that it has, NULL none */
    uint64_t steward_term;
    uint64_t term;         /* that it says it has seen */
    bool want_receipts;    /* the newest answer to its hello asks for them */
    uint64_t pool_bytes;   /* that it says of its pool; 0: 1 TiB */
    uint64_t host_mem_mib; /* that it says of itself; 0: 16 GiB */
    uint64_t seq, cursor;
    struct sigkey *host_key;
    struct w_desired_answer set; /* newest answer */
    char *head;                  /* newest ledger head given */
    struct flow_side *sides;     /* other hosts */
    int status;                  /* of the newest call */
    struct err err;              /* of the newest call */
};

void flow_start(struct flow *f);
/** The same without the host, its signatures by this algorithm. */
void flow_begin(struct flow *f, const char *alg);
/** Nothing serves any more; the store is as it was. */
void flow_pause(struct flow *f);
void flow_stop(struct flow *f);
/** The controller stops and starts again on its store, or on a copy put there by the test. */
void flow_restart(struct flow *f, const char *copy_of_store);
/** Changes settings while nothing serves: a server that runs reads them on its own threads. */
void flow_conf(struct flow *f, void (*change)(struct controller_config *));

/** One call; the answer is decoded by schema when 2xx.  0, or -1 with f->err and f->status. */
int flow_call(struct flow *f, struct httpc *h, const char *method, const char *path,
              const char *body, const struct jm_field *schema, size_t size, void *out);
#define FLOW_CALL(f, h, method, path, body, o, out)                                                \
    flow_call(f, h, method, path, body, schema_##o, sizeof(struct w_##o), out)
/** Text in the arena. */
const char *flow_text(struct flow *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/** A JSON string with its quotes. */
const char *flow_quote(struct flow *f, const char *s);
const char *flow_uuid(struct flow *f);

/** A grant of two VMs (2 vCPUs, 1024 MiB, 2 GiB), a volume of 1 GiB for the first, a network; to be
 * changed before signing. */
struct w_grant *flow_grant(struct flow *f, const char *number);
/** Sign and hand in; request: its id. */
int flow_grant_add(struct flow *f, const struct w_grant *g, const char *request,
                   struct w_accepted *out);
int flow_plan_add(struct flow *f, const struct w_plan *p, const char *request,
                  struct w_accepted *out);

/* ---- the host */
/** One more host, with an address on the network between hosts or "", that has said hello.  The
 * test goes on as the host that it was; names are h1, then as given. */
void flow_host_add(struct flow *f, const char *name, const char *underlay);
/** From now on the test plays this one. */
void flow_as(struct flow *f, const char *name);
int flow_hello(struct flow *f);
/** Poll from f->cursor; into f->set; the cursor moves on. */
int flow_desired(struct flow *f, int64_t wait_ms);
/** Every order of the newest answer as decoded bodies. */
size_t flow_orders(struct flow *f, struct w_order *out, size_t cap);
/** What a faithful host reads back after carrying out the order. */
struct w_observed flow_observed(struct flow *f, const struct w_order *o);
int flow_status(struct flow *f, const struct w_observed *o, size_t n, bool complete);
/** Poll everything, carry it all out, report it; how many orders there were, -1 on failure. */
int flow_carry_out(struct flow *f);
/** The signed report of an erase order. */
const char *flow_erasure(struct flow *f, const struct w_order *o);
/** Same, by another key. */
/** The host's word that it was never made. */
const char *flow_never_made(struct flow *f, const struct w_order *o);
const char *flow_erasure_by(struct flow *f, const struct w_order *o, const struct sigkey *k);
#endif
