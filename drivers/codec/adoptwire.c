#include "drivers/codec/adoptwire.h"

#include <stdio.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/digest.h"

enum { WHAT_MAX = 480 };

static void
parts_of(const struct w_adoption *p, struct arena *a, struct ad_parts *out)
{
    struct ad_disk *disks = arena_alloc(a, (p->disks.n + 1) * sizeof(*disks));
    struct ad_nic *nics = arena_alloc(a, (p->nics.n + 1) * sizeof(*nics));

    for (size_t i = 0; i < p->disks.n; i++) {
        const struct w_found_disk *d = JM_ITEM(p->disks, struct w_found_disk, i);

        disks[i] = (struct ad_disk){.target = d->target,
                                    .kind = d->kind,
                                    .path = d->path,
                                    .format = d->format,
                                    .backing = d->backing,
                                    .bytes = d->bytes,
                                    .shared = d->shared};
    }
    for (size_t i = 0; i < p->nics.n; i++) {
        const struct w_found_nic *n = JM_ITEM(p->nics, struct w_found_nic, i);

        nics[i] = (struct ad_nic){.mac = n->mac, .kind = n->kind, .source = n->source};
    }
    *out = (struct ad_parts){.id = p->id,
                             .name = p->name,
                             .vcpus = p->vcpus,
                             .vcpus_max = p->vcpus_max,
                             .mem_mib = p->mem_mib,
                             .mem_max_mib = p->mem_max_mib,
                             .firmware = p->firmware,
                             .disks = disks,
                             .n_disks = p->disks.n,
                             .nics = nics,
                             .n_nics = p->nics.n};
}

const char *
adopt_obstacle(const struct w_adoption *claimed, const struct w_found *now, struct arena *a,
               bool *later)
{
    struct ad_machine m = {0};
    struct ad_parts was;
    enum ad_reason r;
    char what[WHAT_MAX];

    if (later != NULL)
        *later = false;
    if (now == NULL || now->parts.id[0] == '\0')
        return "its definition cannot be read: nothing is known of it";
    parts_of(&now->parts, a, &m.parts);
    m.owner = now->owner;
    m.host_devices = now->host_devices;
    m.transient = now->transient;
    m.moved = now->moved;
    m.saved = now->saved;
    m.job = now->job;
    m.unequal = now->unequal;
    r = adopt_judge(&m);
    if (r != AD_OK && !adopt_waits(r))
        return ad_reason_text(r);
    if (claimed != NULL) {
        parts_of(claimed, a, &was);
        if (!adopt_is_same(&was, &m.parts, what, sizeof(what)))
            return arena_strdup(a, what);
    }
    if (r == AD_OK)
        return NULL;
    if (later != NULL)
        *later = true;
    return ad_reason_text(r);
}

uint64_t
adopt_disk_bytes(const struct w_adoption *p)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < p->disks.n; i++) {
        const struct w_found_disk *d = JM_ITEM(p->disks, struct w_found_disk, i);

        sum += d->shared ? 0 : d->bytes;
    }
    return sum;
}

void
adopt_sha256(const struct w_adoption *p, char out[W_HASH])
{
    SCOPED(strbuf) struct strbuf b = {0};

    out[0] = '\0';
    if (p->id[0] == '\0')
        return;
    jm_encode(schema_adoption, p, &b);
    digest_sha256_hex(strbuf_peek(&b), b.len, out);
}
