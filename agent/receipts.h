#ifndef BY_AGENT_RECEIPTS_H
#define BY_AGENT_RECEIPTS_H
/* What this host was allowed to do, and the little that only it knows: the exact bytes of each
 * resource's newest accepted order with its tombstone, of grants, plans and key statements; the
 * filling state of volumes; when something entered the recycle bin; the erasure report; the highest
 * term and the newest ledger head seen.
 *
 * Changes are staged and made durable together by receipts_commit(), with one sync (journal.h);
 * memory changes only then.  Nothing is done to the hypervisor before the receipt that allows it is
 * durable.  Times are UTC milliseconds.  Threads: one owner; pointers stay valid until the next
 * commit. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"

struct receipts;

enum receipt_fill { FILL_UNSAID, FILL_NOT_BEGUN, FILL_FILLING, FILL_DONE, FILL__MAX };
enum receipt_paper_kind { PAPER_KIND_GRANT, PAPER_KIND_PLAN, PAPER_KIND_KEYS, PAPER_KIND__MAX };

/* Facts of one resource that only this host knows. */
struct receipt_facts {
    int fill;                                    /* volume; enum receipt_fill */
    int root_fill, seed_fill;                    /* vm */
    uint64_t fill_bytes, root_bytes, seed_bytes; /* capacity when filling was done */
    char seed_sha256[W_HASH];                    /* of what was put into the seed */
    bool seen_once;                              /* was read back equal */
    bool restated;                               /* accepted when the receipts had been lost */
    int64_t stop_asked_ms;                       /* under generation stop_generation */
    uint64_t stop_generation;
    int64_t binned_at_ms; /* wall clock; 0: not in the recycle bin */
    /* Time there by a clock that nobody can set: elapsed up to a moment of one boot. */
    int64_t binned_elapsed_ms, binned_mono_ms;
    char binned_boot[W_ID];
    bool erase_begun;    /* the first overwrite was about to begin */
    bool erased;         /* overwritten, read back, signed for */
    bool told;           /* the controller has the signed report */
    bool absent;         /* removed and read back as gone: a tombstone */
    const char *erasure; /* the signed report, an envelope; NULL before */
};

struct receipt {
    char id[W_ID]; /* of the resource */
    const char *envelope;
    struct w_order order;
    int64_t hold_ms, not_before_ms; /* of grant and plan, as checked at acceptance */
    struct receipt_facts facts;
};

struct receipt_paper {
    enum receipt_paper_kind kind;
    char id[W_ID]; /* of the grant or plan; "" for keys */
    const char *envelope;
    union {
        struct w_grant grant;
        struct w_plan plan;
    } u;
};

/** Make an empty folder, durable; id is kept by the caller elsewhere.  lost: begin as the successor
 * of a folder that was lost. */
int receipts_create(const char *dir, const char *id, bool lost, struct err *e);
/** Open; when the folder is lost, its remains are put aside and an empty one begins, marked so. */
int receipts_open(const char *dir, const char *id, struct receipts **out, struct err *e);
/** Only read, for people: a lost folder is an error and stays as it is. */
int receipts_read(const char *dir, const char *id, struct receipts **out, struct err *e);
void receipts_free(struct receipts *r); /* NULL is fine */

/** True from the loss of the folder until receipts_stage_restated() is committed. */
bool receipts_lost(const struct receipts *r);
size_t receipts_count(const struct receipts *r);
/** By index, sorted by id. */
const struct receipt *receipts_at(const struct receipts *r, size_t i);
const struct receipt *receipts_find(const struct receipts *r, const char *id);
size_t receipts_papers(const struct receipts *r);
const struct receipt_paper *receipts_paper_at(const struct receipts *r, size_t i);
const struct w_grant *receipts_grant(const struct receipts *r, const char *id);
const struct w_plan *receipts_plan(const struct receipts *r, const char *id);
uint64_t receipts_term(const struct receipts *r);
const char *receipts_head(const struct receipts *r);  /* newest ledger head, or NULL */
const char *receipts_store(const struct receipts *r); /* id of the store that it is of, or "" */

/* Stage, in order of application. */
void receipts_stage_order(struct receipts *r, const char *envelope, int64_t hold_ms,
                          int64_t not_before_ms);
void receipts_stage_paper(struct receipts *r, enum receipt_paper_kind kind, const char *envelope);
void receipts_stage_facts(struct receipts *r, const char *id, const struct receipt_facts *f);
/** head NULL: unchanged. */
void receipts_stage_seen(struct receipts *r, uint64_t term, const char *store, const char *head);
/** A full set was received and verified: no longer lost. */
void receipts_stage_restated(struct receipts *r);
/** Make all that was staged durable, then true in memory.  On -1 nothing changed. */
int receipts_commit(struct receipts *r, struct err *e);
/** Rewrite the file with what is still needed: the newest order of each resource with its facts,
 * tombstones too; the grants that they name; the plans that they name, and those whose sizes a
 * machine has; the newest key statement; term, store and head.  receipts_commit() does it when
 * the file is mostly history.  On -1 the file holds at least this. */
int receipts_compact(struct receipts *r, struct err *e);
/** Drop what was staged. */
void receipts_abort(struct receipts *r);

/** Milliseconds in the recycle bin that nobody can have added by setting a clock: the smaller of
 * the wall clock's and the boot clock's.  -1: not there. */
int64_t receipt_binned_ms(const struct receipt_facts *f, int64_t wall_ms, int64_t mono_ms,
                          const char *boot);
/** Bring the elapsed time up to this moment of this boot. */
void receipt_binned_count(struct receipt_facts *f, int64_t mono_ms, const char *boot);

SCOPE_FN(receipts_free, struct receipts)
#endif
