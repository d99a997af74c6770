#include "controller/granting.h"

#include <stdio.h>
#include <string.h>

#include "controller/controller.h"
#include "drivers/db/store_act.h"
#include "drivers/db/store_image.h"
#include "drivers/db/store_resource.h"

static int
refuse(struct err *e, size_t line, const char *field, const char *why, const struct image_row *r)
{
    char where[40];

    (void)snprintf(where, sizeof(where), "lines[%zu].%s", line, field);
    return err_field(e, BY_E_INVALID, where, "the image %s %s %s", r->name, r->version, why);
}

static int
check_line(const struct w_grant_line *l, size_t i, const struct image_row *r, struct err *e)
{
    bool uefi = l->firmware == FW_UEFI;
    char why[100];

    if (!image_fsm_granted(r->state)) {
        (void)snprintf(why, sizeof(why), "is %s: only published ones are granted",
                       image_state_name(r->state));
        return refuse(e, i, "image", why, r);
    }
    if (r->boot != BOOT_BOTH && (r->boot == BOOT_UEFI) != uefi)
        return refuse(e, i, "firmware", uefi ? "starts by BIOS only" : "starts by UEFI only", r);
    if (l->disk_gib < r->min_disk_gib || l->disk_gib << 30 < r->virtual_bytes) {
        uint64_t least = (r->virtual_bytes + (1 << 30) - 1) >> 30;

        least = least < r->min_disk_gib ? r->min_disk_gib : least;
        (void)snprintf(why, sizeof(why), "needs a root disk of %llu GiB",
                       (unsigned long long)least);
        return refuse(e, i, "disk_gib", why, r);
    }
    if (l->mem_mib < r->min_mem_mib) {
        (void)snprintf(why, sizeof(why), "needs %llu MiB of memory",
                       (unsigned long long)r->min_mem_mib);
        return refuse(e, i, "mem_mib", why, r);
    }
    return 0;
}

/* A line of the older grant that only grows in size. */
static bool
makes_nothing(const struct w_grant *old, const struct w_grant_line *l)
{
    for (size_t i = 0; old != NULL && i < old->lines.n; i++) {
        const struct w_grant_line *was = JM_ITEM(old->lines, struct w_grant_line, i);

        if (was->line == l->line)
            return strcmp(was->image, l->image) == 0 && l->count <= was->count;
    }
    return false;
}

int
granting_images(struct tx *t, const struct w_grant *g, const struct w_grant *old, struct arena *a,
                struct err *e)
{
    for (size_t i = 0; i < g->lines.n; i++) {
        const struct w_grant_line *l = JM_ITEM(g->lines, struct w_grant_line, i);
        struct image_row r;
        int rc;

        if (l->kind != RES_VM || l->adopt.id[0] != '\0' || makes_nothing(old, l))
            continue; /* what was there is not made from an image */
        rc = image_by_sha(t->d, l->image, a, &r, e);
        if (rc < 0)
            return -1;
        if (rc == 0 && !t->c->conf.unregistered_images) {
            char where[40];

            (void)snprintf(where, sizeof(where), "lines[%zu].image", i);
            return err_field(e, BY_E_INVALID, where,
                             "no image %.12s… is registered here: upload and publish it first",
                             l->image);
        }
        if (rc == 1 && check_line(l, i, &r, e) < 0)
            return -1;
    }
    return 0;
}

int
granting_arch(struct db *d, const char *sha256, struct arena *a, const char **out, struct err *e)
{
    struct image_row r;
    int rc = image_by_sha(d, sha256, a, &r, e);

    *out = rc == 1 ? w_arch_names[r.arch] : "";
    return rc < 0 ? -1 : 0;
}

struct taken {
    struct db *d;
    struct err err;
    bool failed;
};

static bool
is_taken(void *arg, const char *what, const char *value)
{
    struct taken *x = arg;
    const char *ip = strchr(value, ' '); /* "NETWORK IP" */
    char net[W_ID];
    int rc;

    if (strcmp(what, "ip") == 0 && ip != NULL) {
        (void)snprintf(net, sizeof(net), "%.*s", (int)(ip - value), value);
        rc = self_ip_taken(x->d, net, ip + 1, &x->err);
    } else {
        rc = strcmp(what, "mac") == 0 ? address_mac_taken(x->d, value, &x->err)
                                      : bridge_taken(x->d, value, &x->err);
    }
    x->failed = x->failed || rc < 0;
    return rc != 0;
}

int
granting_expand(struct tx *t, const struct w_grant *g, const char *ssh_key,
                const struct expand_there *there, struct arena *a, struct expansion *x,
                struct err *e)
{
    struct taken of = {.d = t->d};
    struct expand_taken taken = {is_taken, &of, there};

    if (grant_expand(g, ssh_key, &taken, a, x, e) == 0)
        return 0;
    if (of.failed)
        *e = of.err;
    return -1;
}
