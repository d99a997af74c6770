#ifndef BY_TESTS_SEEDS_FIBER_H
#define BY_TESTS_SEEDS_FIBER_H
/* Threads without threads: what is linked with this runs as it is, but its pthread_create() makes a
 * fiber, its waits go through a scheduler that chooses by a seed, and its clocks are virtual.  One
 * process, one thread, the same run for the same seed.
 *
 * A fiber belongs to a node (a machine): its wall clock may be wrong, and all of it can be killed
 * at once where it stands, as by kill -9.  Time passes only while every fiber waits.  Everything is
 * wrapped at the linker (mk/seeds.mk); no line of the programs knows. */
#include <stdbool.h>
#include <stdint.h>

enum { FIBER_NODES = 16 };
#define FIBER_FOREVER INT64_MAX

/** Begin later than at the beginning: what is on disk is older. */
void fiber_skip_ns(int64_t ns);
/** Start over: no fibers, the clock at its beginning, choices by this seed. */
void fiber_init(uint64_t seed);
/** Run fn as the first fiber, of node 0; returns when it does.  Others are left where they are. */
void fiber_run(void (*fn)(void *arg), void *arg);
void fiber_go(int node, void *(*fn)(void *arg), void *arg);
/** The node that the running fiber works for; fiber_as() changes it and returns the old one. */
int fiber_node(void);
int fiber_as(int node);
/** Every fiber of that node stops for ever.  Does not return when the caller is one. */
void fiber_kill(int node);
/** Wait until somebody wakes key, or until then (global virtual ns); false: the time came. */
bool fiber_wait(const void *key, int64_t until_ns);
void fiber_wake(const void *key);
void fiber_sleep_ms(int64_t ms);

/** Global virtual time since the beginning. */
int64_t fiber_now_ns(void);
/** While set, waking is late by up to so much: long times pass in few steps. */
void fiber_lag_ms(int64_t ms);
/** A node's wall clock against the true one, and when it was booted. */
void fiber_skew_ms(int node, int64_t ms);
int64_t fiber_skew_of(int node);
void fiber_boot(int node);
int64_t fiber_wall_ms(void); /* the true one */

/** Random numbers: one stream for each purpose, so that leaving a step out changes no other. */
uint64_t fiber_mix(uint64_t a, uint64_t b);
uint64_t fiber_random(uint64_t *state);
uint64_t fiber_chance(void); /* the scheduler's own stream, also for what happens on the way */
#endif
