/* Waiting polls are found by host, request and time, whatever came and went before. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/parking.h"

enum { POLLS = 300, HOSTS = 90, ROUNDS = 4000 };

struct lot {
    struct parking g;
    struct parked p[POLLS];
    bool in[POLLS];
    size_t n;
    uint32_t seed;
};

static uint32_t
dice(struct lot *l, uint32_t below)
{
    l->seed = l->seed * 1664525 + 1013904223;
    return (l->seed >> 8) % below;
}

static void
come(struct lot *l, size_t i)
{
    struct parked *p = &l->p[i];

    if (l->in[i])
        return;
    *p = (struct parked){.req = p, .deadline_mono_ms = 1 + dice(l, 1000)};
    (void)snprintf(p->host, sizeof(p->host), "host-%u", dice(l, HOSTS));
    parking_add(&l->g, p);
    l->in[i] = true;
    l->n++;
}

/* Takes out what was given; each of them must be of that host, or due. */
static size_t
go(struct lot *l, struct parked *p, const char *host, int64_t until)
{
    size_t n = 0;

    for (; p != NULL; p = p->next, n++) {
        size_t i = (size_t)(p - l->p);

        CU_ASSERT_TRUE_FATAL(i < POLLS && l->in[i]);
        CU_ASSERT(host == NULL || strcmp(p->host, host) == 0);
        CU_ASSERT(p->deadline_mono_ms <= until);
        l->in[i] = false;
        l->n--;
    }
    return n;
}

/* What is left says that nobody was forgotten. */
static void
is_right(struct lot *l, const char *not_host, int64_t not_until)
{
    int64_t first = 0;

    for (size_t i = 0; i < POLLS; i++) {
        if (!l->in[i])
            continue;
        CU_ASSERT(not_host == NULL || strcmp(l->p[i].host, not_host) != 0);
        CU_ASSERT(l->p[i].deadline_mono_ms > not_until);
        if (first == 0 || l->p[i].deadline_mono_ms < first)
            first = l->p[i].deadline_mono_ms;
    }
    CU_ASSERT_EQUAL(parking_next(&l->g), first);
    CU_ASSERT_EQUAL(l->g.n, l->n);
}

static void
finds_whom_it_is_asked_for(void)
{
    struct lot *l = calloc(1, sizeof(*l));
    char host[W_ID];
    bool was;

    CU_ASSERT_PTR_NOT_NULL_FATAL(l);
    for (int i = 0; i < ROUNDS; i++) {
        size_t which = dice(l, POLLS);
        int64_t until = dice(l, 60);

        for (int k = 0; k < 3; k++)
            come(l, dice(l, POLLS));
        switch (dice(l, 3)) {
        case 0:
            (void)snprintf(host, sizeof(host), "host-%u", dice(l, HOSTS));
            (void)go(l, parking_take_host(&l->g, host), host, INT64_MAX);
            is_right(l, host, 0);
            break;
        case 1:
            was = l->in[which];
            CU_ASSERT_EQUAL(go(l, parking_take_req(&l->g, &l->p[which]), NULL, INT64_MAX),
                            was ? 1 : 0);
            CU_ASSERT_FALSE(l->in[which]);
            is_right(l, NULL, 0);
            break;
        default:
            (void)go(l, parking_take_due(&l->g, until), NULL, until);
            is_right(l, NULL, until);
            break;
        }
    }
    (void)go(l, parking_take_due(&l->g, INT64_MAX), NULL, INT64_MAX);
    CU_ASSERT_EQUAL(l->n, 0);
    CU_ASSERT_EQUAL(parking_next(&l->g), 0);
    parking_clear(&l->g);
    free(l);
}

CU_TestInfo parking_tests[] = {
    {"finds whom it is asked for", finds_whom_it_is_asked_for},
    CU_TEST_INFO_NULL,
};
