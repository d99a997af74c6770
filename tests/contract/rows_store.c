/* Rows of the host, its pool and its volumes. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/contract/rows.h"

void
caps_are_plausible(struct contract *c)
{
    CHECK(c->caps.cpus > 0 && c->caps.mem_mib > 0 && c->caps.vcpus_max > 0);
    CHECK(c->caps.arch[0] != '\0' && c->caps.machine[0] != '\0' && c->caps.emulator[0] == '/');
}

void
ping_answers(struct contract *c)
{
    OK(c->v->ops->ping(c->v, e));
}

void
pool_ensure_twice(struct contract *c)
{
    OK(c->v->ops->pool->ensure(c->v, e));
    OK(c->v->ops->pool->ensure(c->v, e));
}

void
pool_tells_room(struct contract *c)
{
    struct virt_pool_seen p = {0};

    OK(c->v->ops->pool->info(c->v, &c->a, &p, e));
    CHECK(p.path != NULL && strcmp(p.path, c->pool) == 0);
    CHECK(p.capacity_bytes > 0 && p.free_bytes <= p.capacity_bytes);
}

static struct virt_vol_spec
volume(struct contract *c, enum w_format format, uint64_t bytes)
{
    struct virt_vol_spec s = {.format = format, .size_bytes = bytes};

    memcpy(s.id, contract_id(c), 37);
    return s;
}

static struct virt_vol_seen
look(struct contract *c, const char *id)
{
    struct virt_vol_seen seen = {0};

    OK(c->v->ops->vol->get(c->v, id, &c->a, &seen, e));
    return seen;
}

void
vol_create_twice(struct contract *c)
{
    struct virt_vol_spec s = volume(c, FMT_QCOW2, 3 << 20);
    struct virt_vol_seen seen;
    char name[W_ID + 4];

    OK(c->v->ops->vol->create(c->v, &s, e));
    OK(c->v->ops->vol->create(c->v, &s, e));
    seen = look(c, s.id);
    (void)snprintf(name, sizeof(name), "by-%s", s.id);
    CHECK(strcmp(seen.name, name) == 0);
    CHECK(seen.format == FMT_QCOW2 && seen.capacity_bytes == 3 << 20);
    CHECK(seen.backing_path == NULL && seen.path != NULL && access(seen.path, F_OK) == 0);
    OK(c->v->ops->vol->remove(c->v, s.id, e));
    CHECK(seen.path == NULL || access(seen.path, F_OK) != 0);
}

void
vol_other_size(struct contract *c)
{
    struct virt_vol_spec s = volume(c, FMT_QCOW2, 3 << 20);

    OK(c->v->ops->vol->create(c->v, &s, e));
    s.size_bytes = 4 << 20;
    FAILS(c->v->ops->vol->create(c->v, &s, e), BY_E_CONFLICT);
    s.size_bytes = 3 << 20;
    s.format = FMT_RAW;
    FAILS(c->v->ops->vol->create(c->v, &s, e), BY_E_CONFLICT);
    CHECK(look(c, s.id).format == FMT_QCOW2);
    OK(c->v->ops->vol->remove(c->v, s.id, e));
}

void
vol_raw(struct contract *c)
{
    struct virt_vol_spec s = volume(c, FMT_RAW, (1 << 20) + 512);
    struct virt_vol_seen seen;
    struct stat st = {0};

    OK(c->v->ops->vol->create(c->v, &s, e));
    seen = look(c, s.id);
    CHECK(seen.format == FMT_RAW && seen.capacity_bytes == (1 << 20) + 512);
    CHECK(seen.path != NULL && stat(seen.path, &st) == 0 && st.st_size == (1 << 20) + 512);
    OK(c->v->ops->vol->remove(c->v, s.id, e));
}

/* A file of n bytes that differ, in the scratch folder. */
static const char *
content(struct contract *c, const char *name, size_t n)
{
    const char *path = arena_printf(&c->a, "%s/%s", c->dir, name);
    FILE *f = fopen(path, "we");

    CHECK(f != NULL);
    for (size_t i = 0; f != NULL && i < n; i++)
        (void)fputc((int)((i * 2654435761u) >> 13 & 0xff), f);
    CHECK(f != NULL && fclose(f) == 0);
    return path;
}

static bool
files_equal(const char *a, const char *b)
{
    FILE *fa = fopen(a, "re"), *fb = fopen(b, "re");
    int ca = 0, cb = 1;

    while (fa != NULL && fb != NULL && (ca = fgetc(fa)) == (cb = fgetc(fb)) && ca != EOF)
        ;
    if (fa != NULL)
        (void)fclose(fa);
    if (fb != NULL)
        (void)fclose(fb);
    return ca == cb;
}

void
vol_content(struct contract *c)
{
    struct virt_vol_spec s = volume(c, FMT_RAW, 0);
    struct virt_vol_seen seen;

    s.content_path = content(c, "content", 374784);
    OK(c->v->ops->vol->create(c->v, &s, e));
    OK(c->v->ops->vol->create(c->v, &s, e));
    seen = look(c, s.id);
    CHECK(seen.capacity_bytes == 374784);
    CHECK(seen.path != NULL && files_equal(seen.path, s.content_path));
    OK(c->v->ops->vol->remove(c->v, s.id, e));
    (void)unlink(s.content_path);
}

void
vol_overlay(struct contract *c)
{
    struct virt_vol_spec s = volume(c, FMT_QCOW2, 8 << 20);
    struct virt_vol_seen seen;

    s.backing_path = content(c, "base.img", 1 << 20);
    OK(c->v->ops->vol->create(c->v, &s, e));
    OK(c->v->ops->vol->create(c->v, &s, e));
    seen = look(c, s.id);
    CHECK(seen.capacity_bytes == 8 << 20 && seen.format == FMT_QCOW2);
    CHECK(seen.backing_path != NULL && strcmp(seen.backing_path, s.backing_path) == 0);
    CHECK(seen.allocation_bytes < 1 << 20);
    OK(c->v->ops->vol->remove(c->v, s.id, e));
    CHECK(access(s.backing_path, F_OK) == 0);
    (void)unlink(s.backing_path);
}

void
vol_overlay_no_image(struct contract *c)
{
    struct virt_vol_spec s = volume(c, FMT_QCOW2, 8 << 20);
    struct virt_vol_seen seen = {0};

    s.backing_path = "/nowhere/base.img";
    FAILS(c->v->ops->vol->create(c->v, &s, e), BY_E_NOT_FOUND);
    FAILS(c->v->ops->vol->get(c->v, s.id, &c->a, &seen, e), BY_E_NOT_FOUND);
}

void
vol_grow(struct contract *c)
{
    struct virt_vol_spec s = volume(c, FMT_QCOW2, 2 << 20);

    OK(c->v->ops->vol->create(c->v, &s, e));
    OK(c->v->ops->vol->grow(c->v, s.id, 5 << 20, e));
    OK(c->v->ops->vol->grow(c->v, s.id, 5 << 20, e));
    CHECK(look(c, s.id).capacity_bytes == 5 << 20);
    FAILS(c->v->ops->vol->grow(c->v, s.id, 2 << 20, e), BY_E_INVALID);
    CHECK(look(c, s.id).capacity_bytes == 5 << 20);
    OK(c->v->ops->vol->remove(c->v, s.id, e));
}

void
vol_grow_live(struct contract *c)
{
    struct virt_dom_spec *s = contract_vm(c);

    OK(c->v->ops->dom->define(c->v, s, e));
    OK(c->v->ops->dom->start(c->v, s->vm->id, e));
    OK(c->v->ops->vol->grow(c->v, s->vm->root_volume, 4 << 20, e));
    CHECK(look(c, s->vm->root_volume).capacity_bytes == 4 << 20);
    contract_vm_drop(c, s);
}

void
vol_absent(struct contract *c)
{
    const char *id = contract_id(c);
    struct virt_vol_seen seen = {0};

    FAILS(c->v->ops->vol->get(c->v, id, &c->a, &seen, e), BY_E_NOT_FOUND);
    FAILS(c->v->ops->vol->grow(c->v, id, 1 << 20, e), BY_E_NOT_FOUND);
    OK(c->v->ops->vol->remove(c->v, id, e));
}

void
vol_list(struct contract *c)
{
    struct virt_vol_spec s = volume(c, FMT_QCOW2, 2 << 20);
    const struct virt_vol_seen *list = NULL;
    const char *foreign = arena_printf(&c->a, "%s/admin.img", c->pool);
    FILE *f = fopen(foreign, "we");
    size_t n = 0;
    int ours = 0, theirs = 0;

    CHECK(f != NULL && fputs("not ours", f) >= 0 && fclose(f) == 0);
    OK(c->v->ops->vol->create(c->v, &s, e));
    OK(c->v->ops->vol->list(c->v, &c->a, &list, &n, e));
    for (size_t i = 0; i < n; i++) {
        ours += strncmp(list[i].name, "by-", 3) == 0 && strcmp(list[i].name + 3, s.id) == 0;
        theirs += strcmp(list[i].name, "admin.img") == 0;
    }
    CHECK(ours == 1 && theirs == 1);
    OK(c->v->ops->vol->remove(c->v, s.id, e));
    CHECK(unlink(foreign) == 0);
}

void
vol_gone_behind(struct contract *c)
{
    struct virt_vol_spec s = volume(c, FMT_QCOW2, 2 << 20);
    struct virt_vol_seen seen;

    OK(c->v->ops->vol->create(c->v, &s, e));
    seen = look(c, s.id);
    CHECK(seen.path != NULL && unlink(seen.path) == 0);
    FAILS(c->v->ops->vol->get(c->v, s.id, &c->a, &seen, e), BY_E_NOT_FOUND);
    OK(c->v->ops->vol->create(c->v, &s, e));
    CHECK(look(c, s.id).capacity_bytes == 2 << 20);
    OK(c->v->ops->vol->remove(c->v, s.id, e));
}
