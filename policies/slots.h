#ifndef BY_POLICIES_SLOTS_H
#define BY_POLICIES_SLOTS_H
/* Counters into slots: successive samples of one machine become, per metric and slot of fixed
 * length, the average and the largest single interval, with the time that was really measured.
 * An interval is discarded, never made a number, when the machine was not running at both ends, its
 * process changed, the wall clock jumped, or samples are too far apart; a metric's part when its
 * counter fell, could not be read, or its size changed.  Memory is what the guest says through the
 * balloon (available - usable); a stale word is unknown.  Pure; state is the caller's. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policies/model.h"

struct slot_sample {
    int64_t taken_ns; /* monotonic, from before the call */
    int64_t wall_ms;  /* UTC at that moment */
    int64_t run_id;   /* changes with the process */
    bool running;
    bool has_cpu, has_mem, has_net, has_block;
    uint32_t vcpus;
    uint64_t mem_mib; /* granted */
    uint64_t cpu_ns;
    uint64_t mem_available_kib, mem_usable_kib;
    int64_t mem_updated_s; /* UTC, the guest's last report */
    uint64_t net_rx_bytes, net_tx_bytes, block_bytes;
};
struct slot_rule {
    int64_t slot_ms;
    int64_t max_gap_ms;   /* samples further apart measure nothing */
    int64_t mem_stale_ms; /* older words of the balloon are unknown */
};
struct slot_row {
    enum mo_metric metric; /* CPU, MEM: 1/100 percent of what was granted; others: bytes a second */
    int64_t at_ms;         /* start of the slot, a multiple of its length */
    int64_t running_ms;    /* measured; never above the slot's length */
    uint64_t avg, peak;
};
/* Zeroed before the first sample. */
struct slot_state {
    bool has_last, has_slot, has_done;
    struct slot_sample last;
    int64_t at_ms;      /* the slot being filled */
    int64_t done_at_ms; /* newest slot that was given out: none before it is filled again */
    struct {
        int64_t ms;
        uint64_t sum; /* value x ms */
        uint64_t peak;
    } acc[MO_METRIC__MAX];
};

/** How many rows one call can give at most. */
size_t slots_rows_max(const struct slot_rule *rule);
/** Take a sample; rows of slots that it ended go to out; returns how many.  Rows beyond cap are
 * lost: cap is at least slots_rows_max().  A sample that is not newer is ignored. */
size_t slots_feed(struct slot_state *s, const struct slot_rule *rule, const struct slot_sample *now,
                  struct slot_row *out, size_t cap);
/** The machine gave no sample: give out its slot when that is over at wall_ms. */
size_t slots_flush(struct slot_state *s, const struct slot_rule *rule, int64_t wall_ms,
                   struct slot_row *out, size_t cap);
#endif
