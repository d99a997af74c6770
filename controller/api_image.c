/* Base images: sent in parts by the provider, checked, published by the bureau, fetched by hosts.
 * Bytes are read and written by the workers, after the row was read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/image_file.h"
#include "controller/imager.h"
#include "controller/paging.h"
#include "controller/params.h"
#include "controller/pool.h"
#include "controller/routes.h"
#include "controller/server.h"
#include "drivers/crypto/digest.h"
#include "drivers/db/store_image.h"

enum { IMAGES_MAX = 1000 };

_Static_assert(ROUTE_RAW_MAX == IMAGE_PART_BYTES, "a body holds a part");

static void
view_of(const struct image_row *r, uint64_t received, struct w_image_view *v)
{
    memset(v, 0, sizeof(*v));
    memcpy(v->id, r->id, sizeof(v->id));
    memcpy(v->sha256, r->sha256, sizeof(v->sha256));
    memcpy(v->name, r->name, sizeof(v->name));
    memcpy(v->version, r->version, sizeof(v->version));
    memcpy(v->os, r->os, sizeof(v->os));
    memcpy(v->default_user, r->default_user, sizeof(v->default_user));
    (void)snprintf(v->state, sizeof(v->state), "%s", image_state_name(r->state));
    v->arch = r->arch;
    v->boot = r->boot;
    v->format = r->format;
    v->min_disk_gib = r->min_disk_gib;
    v->min_mem_mib = r->min_mem_mib;
    v->guest_agent = r->guest_agent;
    v->size_bytes = r->size_bytes;
    v->received_bytes = received;
    v->part_bytes = IMAGE_PART_BYTES;
    v->virtual_bytes = r->virtual_bytes;
    v->reason = r->reason != NULL && r->reason[0] != '\0' ? r->reason : NULL;
    v->created_at_ms = r->created_ms;
    v->published_at_ms = r->published_ms;
    v->retired_at_ms = r->retired_ms;
}

static int
received_of(struct controller *c, const struct image_row *r, uint64_t *out, struct err *e)
{
    *out = r->state == IS_REFUSED ? 0 : r->size_bytes;
    return r->state == IS_UPLOADING ? image_file_received(c, r->sha256, out, e) : 0;
}

static int
answer(struct api_call *k, const struct image_row *r, struct err *e)
{
    uint64_t received;

    if (received_of(k->c, r, &received, e) < 0)
        return -1;
    view_of(r, received, k->out);
    return 0;
}

static int
get(struct api_call *k, struct tx *t, struct image_row *r, struct err *e)
{
    int rc = image_by_id(t->d, k->id, k->a, r, e);

    return rc == 0 ? err_set(e, BY_E_NOT_FOUND, "no image %s", k->id) : rc < 0 ? -1 : 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct list {
    struct api_call *k;
    struct paging p;
};

/* Tenants see what they may be granted, and what their machines may stand on. */
static bool
may_see(const struct api_call *k, const struct image_row *r)
{
    return k->who.role != ROLE_TENANT || image_fsm_fetched(r->state);
}

static int
list_add(void *arg, const struct image_row *r, struct err *e)
{
    struct list *l = arg;
    struct w_image_view *to;
    uint64_t received;

    if (!may_see(l->k, r)) {
        paging_pass(&l->p, -r->created_ms, r->id, r->name);
        return 0;
    }
    to = paging_add(&l->p, -r->created_ms, r->id, r->name);
    if (to == NULL)
        return 0;
    if (received_of(l->k->c, r, &received, e) < 0)
        return -1;
    view_of(r, received, to);
    return 0;
}

int
api_image_list(struct api_call *k, struct tx *t, struct err *e)
{
    struct w_image_list *out = k->out;
    struct list l = {.k = k};

    if (PAGING_OPEN(&l.p, k, out, image_view, INT64_MIN, e) < 0)
        return -1;
    if (k->who.role == ROLE_TENANT) /* some are left out */
        l.p.from.limit = INT32_MAX;
    return image_each(t->d, param_text(k, "name"), &l.p.from, k->a, list_add, &l, e);
}

int
api_image_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct image_row r;

    if (get(k, t, &r, e) < 0)
        return -1;
    return may_see(k, &r) ? answer(k, &r, e) : err_set(e, BY_E_NOT_FOUND, "no image %s", k->id);
}

/* ---- sending ----------------------------------------------------------------------------------
 */

int
prepare_image_add(struct api_call *k, struct err *e)
{
    const struct w_image_request *in = k->in;
    uint64_t most = (uint64_t)k->c->conf.image_max_gib << 30, received = 0;

    if (in->size_bytes > most)
        return err_field(e, BY_E_TOO_LARGE, "size_bytes", "an image may have %lld GiB at most",
                         (long long)k->c->conf.image_max_gib);
    if (image_file_received(k->c, in->sha256, &received, e) < 0)
        return -1;
    return image_file_room(k->c, in->size_bytes > received ? in->size_bytes - received : 0, e);
}

static void
row_of(const struct w_image_request *in, struct image_row *r)
{
    memcpy(r->sha256, in->sha256, sizeof(r->sha256));
    memcpy(r->name, in->name, sizeof(r->name));
    memcpy(r->version, in->version, sizeof(r->version));
    memcpy(r->os, in->os, sizeof(r->os));
    memcpy(r->default_user, in->default_user, sizeof(r->default_user));
    r->arch = in->arch;
    r->boot = in->boot;
    r->min_disk_gib = in->min_disk_gib;
    r->min_mem_mib = in->min_mem_mib;
    r->guest_agent = in->guest_agent;
    r->size_bytes = in->size_bytes;
    r->reason = NULL;
}

/* The same bytes again: go on, or begin anew what was refused. */
static int
add_again(struct api_call *k, struct tx *t, struct image_row *r, struct err *e)
{
    const struct w_image_request *in = k->in;

    if (r->state != IS_UPLOADING && r->state != IS_REFUSED)
        return err_field(e, BY_E_CONFLICT, "sha256", "these bytes are here as image %s %s, %s",
                         r->name, r->version, image_state_name(r->state));
    if (r->state == IS_REFUSED && image_move(t->d, r, IS_EV_AGAIN, e) < 0)
        return -1;
    row_of(in, r);
    memcpy(r->account, k->who.account, sizeof(r->account));
    return image_describe(t->d, r, e);
}

int
api_image_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_image_request *in = k->in;
    struct image_row r = {.state = IS_UPLOADING, .created_ms = t->now_ms};
    int rc = image_by_sha(t->d, in->sha256, k->a, &r, e), taken;

    if (rc < 0)
        return -1;
    taken = image_name_taken(t->d, in->name, in->version, r.id, e);
    if (taken != 0)
        return taken < 0 ? -1
                         : err_field(e, BY_E_CONFLICT, "version",
                                     "there is an image %s %s already, with other bytes: give this "
                                     "one another version",
                                     in->name, in->version);
    if (rc == 1) {
        if (add_again(k, t, &r, e) < 0)
            return -1;
    } else {
        random_uuid(r.id);
        row_of(in, &r);
        memcpy(r.account, k->who.account, sizeof(r.account));
        if (image_insert(t->d, &r, e) < 0)
            return -1;
    }
    return answer(k, &r, e);
}

/* A part, between the row and the disk. */
struct part {
    struct image_row row;
    uint64_t offset;
};

static int
offset_of(const struct api_call *k, uint64_t *out, struct err *e)
{
    int64_t at = param_number(k, "offset", -1);

    if (at < 0)
        return err_field(e, BY_E_INVALID, "offset", "say from which byte: ?offset=NUMBER");
    *out = (uint64_t)at;
    return 0;
}

int
prepare_image_part(struct api_call *k, struct err *e)
{
    const char *sha = param_text(k, "sha256");
    struct part *p = arena_alloc(k->a, sizeof(*p));
    char found[65];

    if (offset_of(k, &p->offset, e) < 0)
        return -1;
    if (sha[0] == '\0')
        return err_field(e, BY_E_INVALID, "sha256", "say the hash of the part: ?sha256=HEX");
    digest_sha256_hex(k->body, k->body_len, found);
    if (strcmp(found, sha) != 0)
        return err_field(e, BY_E_INVALID, "sha256",
                         "the part was damaged on its way: it has the hash %s; send it again",
                         found);
    k->prepared = p;
    return 0;
}

static void
part_write(void *arg, struct db *d)
{
    struct api_call *k = arg;
    struct part *p = k->prepared;
    struct err e = {0};
    uint64_t received = 0;

    (void)d; /* workers have none */
    if (image_file_write(k->c, p->row.sha256, p->offset, k->body, k->body_len, &received, &e) < 0) {
        server_fail(k, &e);
        return;
    }
    view_of(&p->row, received, k->out);
    server_answer(k);
}

static void
to_worker(struct api_call *k, void (*job)(void *arg, struct db *d))
{
    struct err e = {0};

    if (pool_submit(k->c->workers, job, k, &e) < 0)
        server_fail(k, &e);
}

static void
part_park(struct api_call *k)
{
    to_worker(k, part_write);
}

int
api_image_part(struct api_call *k, struct tx *t, struct err *e)
{
    struct part *p = k->prepared;

    if (get(k, t, &p->row, e) < 0)
        return -1;
    if (p->row.state != IS_UPLOADING)
        return err_set(e, BY_E_CONFLICT, "image %s %s is %s: it takes no more bytes", p->row.name,
                       p->row.version, image_state_name(p->row.state));
    if (p->offset + k->body_len > p->row.size_bytes)
        return err_set(e, BY_E_INVALID, "image %s %s has %llu bytes, this part ends after them",
                       p->row.name, p->row.version, (unsigned long long)p->row.size_bytes);
    k->park = part_park;
    return 0;
}

static void
wake(struct controller *c, void *arg)
{
    (void)arg;
    imager_wake(c->imager);
}

int
api_image_complete(struct api_call *k, struct tx *t, struct err *e)
{
    uint64_t received = 0;
    struct image_row r;

    if (get(k, t, &r, e) < 0 || received_of(k->c, &r, &received, e) < 0)
        return -1;
    if (received < r.size_bytes)
        return err_set(e, BY_E_CONFLICT, "image %s %s: %llu of %llu bytes are here", r.name,
                       r.version, (unsigned long long)received, (unsigned long long)r.size_bytes);
    if (r.state == IS_UPLOADING) { /* else another who sent the same was first */
        if (image_move(t->d, &r, IS_EV_COMPLETE, e) < 0)
            return -1;
        commit_after(t, wake, NULL);
    }
    return answer(k, &r, e);
}

/* ---- publishing -------------------------------------------------------------------------------
 */

int
api_image_publish(struct api_call *k, struct tx *t, struct err *e)
{
    struct image_row r;

    if (get(k, t, &r, e) < 0 || image_move(t->d, &r, IS_EV_PUBLISH, e) < 0 ||
        image_note_published(t->d, &r, k->who.account, t->now_ms, e) < 0)
        return -1;
    r.published_ms = t->now_ms;
    return answer(k, &r, e);
}

int
api_image_retire(struct api_call *k, struct tx *t, struct err *e)
{
    struct image_row r;

    if (get(k, t, &r, e) < 0 || image_move(t->d, &r, IS_EV_RETIRE, e) < 0 ||
        image_note_retired(t->d, &r, t->now_ms, e) < 0)
        return -1;
    r.retired_ms = t->now_ms;
    return answer(k, &r, e);
}

/* ---- to hosts ---------------------------------------------------------------------------------
 */

static int
for_host(struct api_call *k, struct tx *t, struct image_row *r, struct err *e)
{
    const char *sha = param_text(k, "sha256");
    int rc;

    if (sha[0] == '\0')
        return err_field(e, BY_E_INVALID, "sha256", "say which: ?sha256=HEX");
    rc = image_by_sha(t->d, sha, k->a, r, e);
    if (rc < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "the controller has no image %s", sha);
    if (!image_fsm_fetched(r->state))
        return err_set(e, BY_E_CONFLICT, "image %s %s is %s, not published", r->name, r->version,
                       image_state_name(r->state));
    return 0;
}

int
api_agent_image(struct api_call *k, struct tx *t, struct err *e)
{
    struct image_row r;

    return for_host(k, t, &r, e) < 0 ? -1 : answer(k, &r, e);
}

static void
data_read(void *arg, struct db *d)
{
    struct api_call *k = arg;
    struct part *p = k->prepared;
    struct err e = {0};

    (void)d; /* workers have none */
    if (image_file_read(k->c, p->row.sha256, p->offset, k->a, &k->raw, &k->raw_len, &e) < 0)
        server_fail(k, &e);
    else if (k->raw_len == 0)
        server_fail(k, (err_set(&e, BY_E_IO, "image %s is shorter than it was", p->row.name), &e));
    else
        server_answer(k);
}

static void
data_park(struct api_call *k)
{
    to_worker(k, data_read);
}

int
api_agent_image_data(struct api_call *k, struct tx *t, struct err *e)
{
    struct part *p = arena_alloc(k->a, sizeof(*p));

    if (offset_of(k, &p->offset, e) < 0 || for_host(k, t, &p->row, e) < 0)
        return -1;
    if (p->offset >= p->row.size_bytes)
        return err_field(e, BY_E_INVALID, "offset", "the image ends before it");
    k->prepared = p;
    k->raw_type = "application/octet-stream";
    k->park = data_park;
    return 0;
}
