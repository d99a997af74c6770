#ifndef BY_CONTROLLER_FINDING_H
#define BY_CONTROLLER_FINDING_H
/* Findings: each running VM is held against the rule in force; a verdict carries every number, and
 * the ledger keeps what it rests on, so it can be made again.  Threads: judging on the jobs thread
 * with its own read connection, writing in the writer, views on readers. */
#include "controller/api.h"
#include "drivers/db/store_resource.h"
#include "drivers/db/store_usage.h"

/** One VM; *out's texts are in the arena.  rec: everything that the verdict rests on. */
int finding_judge(struct db *d, const struct resource_row *vm, const struct w_policy *p,
                  int64_t now_ms, struct arena *a, struct w_finding_record *rec,
                  struct finding_row *out, struct err *e);
/** The verdict again from its record alone; true when it is the same byte for byte. */
bool finding_replay(const struct w_finding_record *rec, const struct w_policy *p);
/** Judge every VM that is not gone.  *n counts them. */
int finding_evaluate(struct controller *c, struct db *d, size_t *n, struct err *e);

int api_finding_list(struct api_call *k, struct tx *t, struct err *e);
#endif
