/* Base images over real HTTP: sent in parts, checked, published, granted, fetched by a host. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/imager.h"
#include "controller/placing.h"
#include "drivers/crypto/digest.h"
#include "tests/unit/fleet.h"
#include "tests/unit/tmpdir.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)
enum { PART = 1 << 20, BYTES = 2 * PART + 4096 };

/* An image of three parts, and what is said of it. */
struct sent {
    struct flow f;
    char *bytes;
    const char *arch; /* NULL: x86_64 */
    char sha[65];
    struct w_image_view v;
};

static void
registered_only(struct controller_config *c)
{
    c->unregistered_images = false;
}

static void
disk_full(struct controller_config *c)
{
    c->image_spare_mib = INT64_C(1) << 30;
}

static void
disk_free(struct controller_config *c)
{
    c->image_spare_mib = 0;
}

static void
none_so_small(struct controller_config *c)
{
    c->image_spare_mib = 0;
    c->image_max_gib = 0;
}

static void
begin(struct sent *s, char mark)
{
    s->arch = NULL;
    flow_start(&s->f);
    flow_conf(&s->f, registered_only);
    s->bytes = calloc(1, BYTES);
    for (size_t i = 4096; i < BYTES; i += 4096)
        s->bytes[i] = (char)(i / 4096);
    s->bytes[0] = mark;
    digest_sha256_hex(s->bytes, BYTES, s->sha);
}

static void
end(struct sent *s)
{
    free(s->bytes);
    flow_stop(&s->f);
}

static int
announce(struct sent *s, const char *name, const char *version, enum flow_who who)
{
    return FLOW_CALL(
        &s->f, s->f.people[who], "POST", "/v1/images",
        flow_text(&s->f,
                  "{\"request\":\"%s\",\"name\":\"%s\",\"version\":\"%s\",\"os\":\"Debian 12\","
                  "\"arch\":\"%s\",\"boot\":\"bios\",\"min_mem_mib\":512,\"sha256\":\"%s\","
                  "\"size_bytes\":%d}",
                  flow_uuid(&s->f), name, version, s->arch == NULL ? "x86_64" : s->arch, s->sha,
                  BYTES),
        image_view, &s->v);
}

/* Status of sending so many bytes that lie at an offset, with the hash given or their own. */
static int
part(struct sent *s, size_t offset, size_t len, const char *sha)
{
    struct httpc_answer a = {0};
    char own[65];
    int status;

    digest_sha256_hex(s->bytes + offset, len, own);
    err_clear(&s->f.err);
    if (httpc_call(s->f.people[FLOW_PROVIDER], "PUT",
                   flow_text(&s->f, "/v1/images/%s?offset=%zu&sha256=%s", s->v.id, offset,
                             sha != NULL ? sha : own),
                   s->bytes + offset, len, 60000, &a, &s->f.err) == 0)
        OK(jm_decode(a.body, a.len, schema_image_view, sizeof(s->v), JM_PEER, &s->f.a, &s->v,
                     &s->f.err));
    status = a.status;
    httpc_answer_clear(&a);
    return status;
}

static int
act(struct sent *s, const char *verb, enum flow_who who)
{
    (void)FLOW_CALL(&s->f, s->f.people[who], "POST",
                    flow_text(&s->f, "/v1/images/%s:%s", s->v.id, verb),
                    flow_text(&s->f, "{\"request\":\"%s\"}", flow_uuid(&s->f)), image_view, &s->v);
    return s->f.status;
}

static void
send_all(struct sent *s)
{
    for (size_t at = 0; at < BYTES; at += PART)
        CU_ASSERT_EQUAL(part(s, at, BYTES - at < PART ? BYTES - at : PART, NULL), 200);
}

/* What the controller's own thread does. */
static void
look(struct sent *s)
{
    SCOPED(db_free) struct db *d = ctl_db(&s->f.ctl);
    struct err e = {0};

    CU_ASSERT_EQUAL(imager_step(&s->f.ctl.c, d, &e), 1);
    CU_ASSERT_STRING_EQUAL(e.msg, "");
    OK(FLOW_CALL(&s->f, s->f.people[FLOW_BUREAU], "GET", flow_text(&s->f, "/v1/images/%s", s->v.id),
                 NULL, image_view, &s->v));
}

static void
publish(struct sent *s)
{
    OK(announce(s, "debian", "1", FLOW_PROVIDER));
    send_all(s);
    CU_ASSERT_EQUAL(act(s, "complete", FLOW_PROVIDER), 200);
    look(s);
    CU_ASSERT_EQUAL(act(s, "publish", FLOW_BUREAU), 200);
    CU_ASSERT_STRING_EQUAL(s->v.state, "published");
}

static int
grant(struct sent *s, const char *number, const char *sha, uint64_t mem_mib)
{
    struct w_grant *g = flow_grant(&s->f, number);
    struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, 1);
    struct w_accepted acc;

    (void)snprintf(l->image, sizeof(l->image), "%s", sha);
    l->mem_mib = mem_mib;
    (void)snprintf(JM_ITEM(g->lines, struct w_grant_line, 0)->cidr, 20, "10.%d.0.0/24",
                   80 + (number[0] - (char)48));
    (void)flow_grant_add(&s->f, g, flow_uuid(&s->f), &acc);
    return s->f.status;
}

/* ---- rows --------------------------------------------------------------------------------------
 */

static void
an_image_comes_in_parts_and_is_published_by_the_bureau(void)
{
    struct sent s;
    struct stat st;

    begin(&s, 'a');
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    CU_ASSERT_STRING_EQUAL(s.v.state, "uploading");
    CU_ASSERT_EQUAL(s.v.received_bytes, 0);
    CU_ASSERT_EQUAL(act(&s, "complete", FLOW_PROVIDER), 409); /* nothing is there */
    send_all(&s);
    CU_ASSERT_EQUAL(s.v.received_bytes, BYTES);
    CU_ASSERT_EQUAL(act(&s, "publish", FLOW_BUREAU), 409); /* not checked */
    CU_ASSERT_EQUAL(act(&s, "complete", FLOW_PROVIDER), 200);
    CU_ASSERT_STRING_EQUAL(s.v.state, "uploaded");
    look(&s);
    CU_ASSERT_STRING_EQUAL(s.v.state, "checked");
    CU_ASSERT_EQUAL(s.v.format, FMT_RAW);
    CU_ASSERT_EQUAL(s.v.virtual_bytes, BYTES);
    OK(stat(flow_text(&s.f, "%s/images/%s", s.f.ctl.dir, s.sha), &st));
    CU_ASSERT_EQUAL(st.st_mode & 0777, 0400);
    CU_ASSERT_EQUAL(tmpdir_count(s.f.ctl.dir, "images"), 1);
    CU_ASSERT_EQUAL(act(&s, "publish", FLOW_PROVIDER), 403);
    CU_ASSERT_EQUAL(act(&s, "publish", FLOW_TENANT), 403);
    CU_ASSERT_EQUAL(act(&s, "publish", FLOW_BUREAU), 200);
    CU_ASSERT_EQUAL(act(&s, "publish", FLOW_BUREAU), 409);
    CU_ASSERT_EQUAL(part(&s, 0, 4096, NULL), 409); /* takes no more bytes */
    OK(announce(&s, "debian", "1", FLOW_BUREAU) == -1 ? 0 : 1);
    CU_ASSERT_EQUAL(s.f.status, 403);
    end(&s);
}

static void
a_part_that_is_wrong_changes_nothing(void)
{
    struct sent s;
    char zeros[65];

    begin(&s, 'b');
    memset(zeros, '0', 64);
    zeros[64] = '\0';
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    CU_ASSERT_EQUAL(part(&s, 0, PART, zeros), 400);   /* damaged on its way */
    CU_ASSERT_EQUAL(part(&s, PART, PART, NULL), 409); /* a gap */
    CU_ASSERT_PTR_NOT_NULL(strstr(s.f.err.msg, "is 0, not"));
    CU_ASSERT_EQUAL(part(&s, 0, PART, NULL), 200);
    CU_ASSERT_EQUAL(part(&s, 0, PART, NULL), 200); /* twice */
    CU_ASSERT_EQUAL(s.v.received_bytes, PART);
    CU_ASSERT_EQUAL(part(&s, PART, PART, NULL), 200);
    CU_ASSERT_EQUAL(part(&s, PART + 8192, PART - 4096, NULL), 200); /* overlaps */
    CU_ASSERT_EQUAL(s.v.received_bytes, BYTES);
    CU_ASSERT_EQUAL(act(&s, "complete", FLOW_PROVIDER), 200);
    look(&s);
    CU_ASSERT_STRING_EQUAL(s.v.state, "checked");
    end(&s);
}

static void
a_cut_upload_goes_on_where_it_stopped(void)
{
    struct sent s;

    begin(&s, 'c');
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    CU_ASSERT_EQUAL(part(&s, 0, PART, NULL), 200);
    flow_restart(&s.f, NULL); /* what was acknowledged is there */
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    CU_ASSERT_EQUAL(s.v.received_bytes, PART);
    /* Killed in the middle of a part: its first bytes are there. */
    OK(truncate(flow_text(&s.f, "%s/images/%s.part", s.f.ctl.dir, s.sha), PART + 1000));
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    CU_ASSERT_EQUAL(s.v.received_bytes, PART + 1000);
    CU_ASSERT_EQUAL(part(&s, PART + 1000, PART, NULL), 200);
    CU_ASSERT_EQUAL(part(&s, 2 * PART + 1000, 3096, NULL), 200);
    CU_ASSERT_EQUAL(act(&s, "complete", FLOW_PROVIDER), 200);
    flow_restart(&s.f, NULL); /* before it was looked at */
    look(&s);
    CU_ASSERT_STRING_EQUAL(s.v.state, "checked");
    end(&s);
}

static void
two_who_send_the_same_bytes_make_one_image(void)
{
    struct sent s;
    char id[W_ID];

    begin(&s, 'd');
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    memcpy(id, s.v.id, sizeof(id));
    CU_ASSERT_EQUAL(part(&s, 0, PART, NULL), 200);
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    CU_ASSERT_STRING_EQUAL(s.v.id, id);
    send_all(&s);
    CU_ASSERT_EQUAL(act(&s, "complete", FLOW_PROVIDER), 200);
    CU_ASSERT_EQUAL(act(&s, "complete", FLOW_PROVIDER), 200); /* the other one */
    look(&s);
    CU_ASSERT_EQUAL(announce(&s, "debian", "2", FLOW_PROVIDER), -1); /* the same bytes again */
    CU_ASSERT_EQUAL(s.f.status, 409);
    s.sha[0] = s.sha[0] == '0' ? '1' : '0';
    CU_ASSERT_EQUAL(announce(&s, "debian", "1", FLOW_PROVIDER), -1); /* the name is taken */
    CU_ASSERT_EQUAL(s.f.status, 409);
    end(&s);
}

static void
what_is_bad_is_refused_and_keeps_no_bytes(void)
{
    static const struct {
        const char *head, *word;
        size_t len;
        bool wrong_hash;
    } rows[] = {
        {"QFI\xfb\0\0\0\3\0\0\0\0\0\0\2\0", "backing file", 16, false},
        {"QFI\xfb\0\0\0\1", "version 1", 8, false},
        {"x", "have the hash", 1, true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sent s;

        begin(&s, 'e');
        memcpy(s.bytes, rows[i].head, rows[i].len);
        if (!rows[i].wrong_hash)
            digest_sha256_hex(s.bytes, BYTES, s.sha);
        OK(announce(&s, "debian", "1", FLOW_PROVIDER));
        send_all(&s);
        CU_ASSERT_EQUAL(act(&s, "complete", FLOW_PROVIDER), 200);
        look(&s);
        CU_ASSERT_STRING_EQUAL(s.v.state, "refused");
        CU_ASSERT(s.v.reason != NULL && strstr(s.v.reason, rows[i].word) != NULL);
        CU_ASSERT_EQUAL(s.v.received_bytes, 0);
        CU_ASSERT_EQUAL(tmpdir_count(s.f.ctl.dir, "images"), 0);
        CU_ASSERT_EQUAL(act(&s, "publish", FLOW_BUREAU), 409);
        OK(announce(&s, "debian", "1", FLOW_PROVIDER)); /* it may be sent again */
        CU_ASSERT_STRING_EQUAL(s.v.state, "uploading");
        end(&s);
    }
}

static void
a_full_disk_is_said_before_and_while_sending(void)
{
    struct sent s;

    begin(&s, 'f');
    flow_conf(&s.f, disk_full);
    CU_ASSERT_EQUAL(announce(&s, "debian", "1", FLOW_PROVIDER), -1);
    CU_ASSERT_EQUAL(s.f.status, 507);
    flow_conf(&s.f, disk_free);
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    flow_conf(&s.f, disk_full);
    CU_ASSERT_EQUAL(part(&s, 0, PART, NULL), 507);
    flow_conf(&s.f, none_so_small);
    CU_ASSERT_EQUAL(announce(&s, "debian", "1", FLOW_PROVIDER), -1);
    CU_ASSERT_EQUAL(s.f.status, 413);
    end(&s);
}

static void
only_published_images_are_granted(void)
{
    struct sent s;

    begin(&s, 'g');
    CU_ASSERT_EQUAL(grant(&s, "1", s.sha, 1024), 400); /* not registered */
    CU_ASSERT_STRING_EQUAL(s.f.err.field, "lines[1].image");
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    CU_ASSERT_EQUAL(grant(&s, "2", s.sha, 1024), 400); /* not whole */
    send_all(&s);
    CU_ASSERT_EQUAL(act(&s, "complete", FLOW_PROVIDER), 200);
    look(&s);
    CU_ASSERT_EQUAL(grant(&s, "3", s.sha, 1024), 400); /* not published */
    CU_ASSERT_PTR_NOT_NULL(strstr(s.f.err.msg, "only published"));
    CU_ASSERT_EQUAL(act(&s, "publish", FLOW_BUREAU), 200);
    CU_ASSERT_EQUAL(grant(&s, "4", s.sha, 256), 400); /* too little memory */
    CU_ASSERT_STRING_EQUAL(s.f.err.field, "lines[1].mem_mib");
    CU_ASSERT_EQUAL(grant(&s, "5", s.sha, 1024), 200);
    CU_ASSERT_EQUAL(act(&s, "retire", FLOW_PROVIDER), 200);
    CU_ASSERT_EQUAL(grant(&s, "6", s.sha, 1024), 400); /* retired */
    CU_ASSERT_EQUAL(act(&s, "publish", FLOW_BUREAU), 200);
    CU_ASSERT_STRING_EQUAL(s.v.state, "published");
    end(&s);
}

/* The fullest hosts have room and are of another processor: more of them than are looked at. */
static void
an_image_finds_its_processor_among_many_others(void)
{
    struct sent s;

    begin(&s, 'k');
    s.arch = "aarch64";
    publish(&s);
    fleet_add(&s.f,
              &(struct fleet_of){.name = "other", .n = PLACING_MANY + 10, .promise_mib = 8192});
    fleet_add(&s.f, &(struct fleet_of){.name = "arm", .n = 1, .arch = "aarch64"});
    CU_ASSERT_EQUAL(grant(&s, "1", s.sha, 1024), 200);
    end(&s);
}

static void
an_image_of_another_processor_lands_nowhere(void)
{
    struct w_grant_check check;
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_grant *g;
    struct sent s;

    begin(&s, 'j');
    s.arch = "aarch64";
    publish(&s);
    CU_ASSERT_EQUAL(grant(&s, "1", s.sha, 1024), 409);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.f.err.msg, "it is x86_64, the image is made for aarch64"));
    g = flow_grant(&s.f, "2");
    (void)snprintf(JM_ITEM(g->lines, struct w_grant_line, 1)->image, W_HASH, "%s", s.sha);
    jm_encode(schema_grant, g, &b);
    OK(FLOW_CALL(&s.f, s.f.people[FLOW_BUREAU], "POST", "/v1/grants:check",
                 flow_text(&s.f, "{\"request\":\"%s\",\"grant\":%s}", flow_uuid(&s.f),
                           flow_quote(&s.f, strbuf_peek(&b))),
                 grant_check, &check));
    CU_ASSERT_FALSE(check.fits);
    CU_ASSERT_PTR_NOT_NULL(strstr(check.reason, "made for aarch64"));
    end(&s);
}

static int
unit_makes(struct sent *s, const char *name)
{
    struct w_accepted acc;

    (void)FLOW_CALL(&s->f, s->f.people[FLOW_TENANT], "POST", "/v1/resources",
                    flow_text(&s->f,
                              "{\"request\":\"%s\",\"kind\":\"vm\",\"name\":\"%s\",\"vcpus\":1,"
                              "\"mem_mib\":512,\"disk_gib\":1}",
                              flow_uuid(&s->f), name),
                    accepted, &acc);
    return s->f.status;
}

static void
a_unit_makes_nothing_new_on_a_retired_image(void)
{
    struct w_accepted acc;
    struct w_grant_line *l;
    struct w_grant *g;
    struct sent s;

    begin(&s, 'k');
    publish(&s);
    g = flow_grant(&s.f, "1");
    g->version = 2;
    g->shape = SHAPE_FREE;
    g->resources_max = 9;
    l = JM_ITEM(g->lines, struct w_grant_line, 1);
    l->deferred = true;
    l->network_line = 0;
    (void)snprintf(l->image, sizeof(l->image), "%s", s.sha);
    g->lines.n = 2;
    OK(flow_grant_add(&s.f, g, flow_uuid(&s.f), &acc));
    CU_ASSERT_EQUAL(unit_makes(&s, "one"), 200);
    CU_ASSERT_EQUAL(act(&s, "retire", FLOW_BUREAU), 200);
    CU_ASSERT_EQUAL(unit_makes(&s, "two"), 400);
    CU_ASSERT_PTR_NOT_NULL(strstr(s.f.err.msg, "is retired"));
    CU_ASSERT_EQUAL(flow_carry_out(&s.f), (int)acc.orders.n + 1); /* what was made stays */
    end(&s);
}

static int
host_gets(struct sent *s, size_t offset, struct httpc_answer *a)
{
    struct err e = {0};

    (void)httpc_call(s->f.agent, "GET",
                     flow_text(&s->f, "/a/v1/image/data?sha256=%s&offset=%zu", s->sha, offset),
                     NULL, 0, 60000, a, &e);
    return a->status;
}

static void
hosts_fetch_what_is_published_or_retired(void)
{
    SCOPED(free) char *got = calloc(1, BYTES);
    struct httpc_answer a = {0};
    struct sent s;
    size_t at = 0;

    begin(&s, 'h');
    CU_ASSERT_EQUAL(host_gets(&s, 0, &a), 404);
    httpc_answer_clear(&a);
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    CU_ASSERT_EQUAL(host_gets(&s, 0, &a), 409);
    httpc_answer_clear(&a);
    send_all(&s);
    CU_ASSERT_EQUAL(act(&s, "complete", FLOW_PROVIDER), 200);
    look(&s);
    CU_ASSERT_EQUAL(act(&s, "publish", FLOW_BUREAU), 200);
    while (at < BYTES) {
        if (at == PART) /* while it is being fetched */
            CU_ASSERT_EQUAL(act(&s, "retire", FLOW_BUREAU), 200);
        CU_ASSERT_EQUAL_FATAL(host_gets(&s, at, &a), 200);
        CU_ASSERT_FATAL(a.len > 0 && at + a.len <= BYTES);
        memcpy(got + at, a.body, a.len);
        at += a.len;
        httpc_answer_clear(&a);
    }
    CU_ASSERT_EQUAL(memcmp(got, s.bytes, BYTES), 0);
    CU_ASSERT_EQUAL(host_gets(&s, BYTES, &a), 400);
    httpc_answer_clear(&a);
    end(&s);
}

static void
tenants_see_only_what_they_may_be_granted(void)
{
    struct w_image_list l;
    struct sent s;
    uint64_t n;
    struct err e = {0};

    begin(&s, 'i');
    OK(announce(&s, "debian", "1", FLOW_PROVIDER));
    OK(FLOW_CALL(&s.f, s.f.people[FLOW_TENANT], "GET", "/v1/images", NULL, image_list, &l));
    CU_ASSERT_EQUAL(l.items.n, 0);
    OK(FLOW_CALL(&s.f, s.f.people[FLOW_PROVIDER], "GET", "/v1/images?name=debian", NULL, image_list,
                 &l));
    CU_ASSERT_EQUAL(l.items.n, 1);
    publish(&s);
    OK(FLOW_CALL(&s.f, s.f.people[FLOW_TENANT], "GET", "/v1/images", NULL, image_list, &l));
    CU_ASSERT_EQUAL(l.items.n, 1);
    OK(ctl_verify(&s.f.ctl, &n, &e)); /* every step is in the ledger */
    end(&s);
}

CU_TestInfo images_tests[] = {
    {"an image comes in parts and is published by the bureau",
     an_image_comes_in_parts_and_is_published_by_the_bureau},
    {"a part that is wrong changes nothing", a_part_that_is_wrong_changes_nothing},
    {"a cut upload goes on where it stopped", a_cut_upload_goes_on_where_it_stopped},
    {"two who send the same bytes make one image", two_who_send_the_same_bytes_make_one_image},
    {"what is bad is refused and keeps no bytes", what_is_bad_is_refused_and_keeps_no_bytes},
    {"a full disk is said before and while sending", a_full_disk_is_said_before_and_while_sending},
    {"only published images are granted", only_published_images_are_granted},
    {"an image finds its processor among many others",
     an_image_finds_its_processor_among_many_others},
    {"an image of another processor lands nowhere", an_image_of_another_processor_lands_nowhere},
    {"a unit makes nothing new on a retired image", a_unit_makes_nothing_new_on_a_retired_image},
    {"hosts fetch what is published or retired", hosts_fetch_what_is_published_or_retired},
    {"tenants see only what they may be granted", tenants_see_only_what_they_may_be_granted},
    CU_TEST_INFO_NULL,
};
