#ifndef BY_TESTS_SEEDS_ACTS_H
#define BY_TESTS_SEEDS_ACTS_H
/* What a step may be: each act picks what it is about by the seed, and may find nothing to do. */
#include "tests/seeds/sim.h"

enum { PICK_MAX = 64 };

struct pick {
    uint64_t *random;
    struct query_row r[PICK_MAX]; /* id, kind, wanted, host, name, vm */
    int n;
};

#define PICK_LIVE (1U << WANT_RUNNING | 1U << WANT_STOPPED | 1U << WANT_PRESENT)
#define PICK_BINNED (1U << WANT_BINNED)

uint64_t pick_roll(const struct pick *p, uint64_t sides);
struct sim_host *pick_host(const struct pick *p);
/** Of that kind (0: any), its wanted state one of the bits; NULL: none. */
const struct query_row *pick_resource(const struct pick *p, int kind, unsigned wanted);
struct sim_host *sim_host_by_id(const char *id); /* NULL: none */

/** POST {"request":…,fields} until it is answered, with the same request id. */
int act_say(enum flow_who who, const char *path, const char *fields, const struct jm_field *schema,
            size_t size, void *out);
#define ACT_SAY(who, path, fields, o, out)                                                         \
    act_say(who, path, fields, schema_##o, sizeof(struct w_##o), out)
/** The same of orders, which must be there from then on; sometimes said once more. */
int act_ask(const struct pick *p, enum flow_who who, const char *path, const char *fields,
            struct w_accepted *acc);

/* bureau.c */
void act_plan(struct pick *p);
void act_import(struct pick *p);

/* liar.c: what no agent would do with a host's own certificate, and what befalls certificates */
void act_lie(struct pick *p);
void act_clone(struct pick *p);
void act_certificates_due(struct pick *p);
/** Who was refused, or whose certificate ended, is enrolled again by a person. */
void act_enrol_again(void);
#endif
