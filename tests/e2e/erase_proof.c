/* erase-proof plant FOLDER MARKER: a fake world in FOLDER with one VM, MARKER in every copy of its
 * data.  erase-proof erase FOLDER: overwrite every copy, then undefine and unlink, as an agent
 * does.  erase-proof unlink FOLDER: without overwriting, the control of the experiment.
 * tests/e2e/erase_proof.sh puts a file system under FOLDER and searches it afterwards. */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"
#include "drivers/host/extent.h"
#include "drivers/host/seed.h"
#include "drivers/virt/virt_fake.h"

#define VM "6f1d3c52-8a01-4e7e-9a55-0123456789ab"
#define ROOT "11111111-2222-4333-8444-555555555555"
#define SEED "11111111-2222-4333-8444-666666666666"
#define DATA "11111111-2222-4333-8444-777777777777"
#define MIB ((uint64_t)1 << 20)

struct scene {
    const char *folder;
    char uri[PATH_MAX], world[PATH_MAX], pool[PATH_MAX], log[PATH_MAX];
    char root[PATH_MAX], seed[PATH_MAX], data[PATH_MAX];
    struct virt *v;
};

static int
fail(const char *what, const struct err *e)
{
    fprintf(stderr, "erase-proof: %s: %s\n", what, e->msg);
    return 1;
}

static int
scene_open(struct scene *s, const char *folder, struct err *e)
{
    struct virt_config c = {.uri = s->uri, .pool_name = "pool", .pool_path = s->pool};

    s->folder = folder;
    (void)snprintf(s->world, sizeof(s->world), "%.3000s/state", folder);
    (void)snprintf(s->uri, sizeof(s->uri), "fake://%.3000s/state", folder);
    (void)snprintf(s->pool, sizeof(s->pool), "%.3000s/pool", folder);
    (void)snprintf(s->log, sizeof(s->log), "%.3000s/state/console.log", folder);
    (void)snprintf(s->root, sizeof(s->root), "%.3000s/pool/by-" ROOT, folder);
    (void)snprintf(s->seed, sizeof(s->seed), "%.3000s/pool/by-" SEED, folder);
    (void)snprintf(s->data, sizeof(s->data), "%.3000s/pool/by-" DATA, folder);
    if (virt_open(&c, &s->v, e) < 0)
        return -1;
    return s->v->ops->pool->ensure(s->v, e);
}

/* The marker and where it lies, so that a hit tells which copy was missed. */
static int
plant(const char *path, off_t at, const char *marker, const char *what, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    char text[160];
    int len = snprintf(text, sizeof(text), "%s@%s", marker, what);

    if (fd < 0 || pwrite(fd, text, (size_t)len, at) != len || fsync(fd) < 0)
        return err_set(e, BY_E_IO, "cannot plant in %s", path);
    return 0;
}

static int
make_volumes(const struct scene *s, const struct w_vm_spec *vm, struct err *e)
{
    SCOPED(fd) int seed = -1;
    char seed_path[SEED_PATH_MAX];
    struct virt_vol_spec root = {.id = ROOT, .format = FMT_QCOW2, .size_bytes = 64 * MIB};
    struct virt_vol_spec data = {.id = DATA, .format = FMT_RAW, .size_bytes = 8 * MIB + 777};
    struct virt_vol_spec iso = {.id = SEED, .format = FMT_RAW, .content_path = seed_path};

    if (seed_memfd(vm, &seed, seed_path, e) < 0 || s->v->ops->vol->create(s->v, &root, e) < 0 ||
        s->v->ops->vol->create(s->v, &data, e) < 0 || s->v->ops->vol->create(s->v, &iso, e) < 0)
        return -1;
    return 0;
}

static int
define(const struct scene *s, const struct w_vm_spec *vm, struct err *e)
{
    const char *disks[] = {s->data};
    struct virt_dom_spec spec = {.vm = vm,
                                 .mark = {VM, 1, 1},
                                 .root_path = s->root,
                                 .seed_path = s->seed,
                                 .disk_paths = disks,
                                 .serial_log = s->log};

    return s->v->ops->dom->define(s->v, &spec, e);
}

static int
plant_all(struct scene *s, const char *marker, struct err *e)
{
    struct w_vm_disk disk = {.volume = DATA, .format = FMT_RAW};
    struct w_vm_spec vm = {.id = VM,
                           .name = "proof",
                           .hostname = "proof",
                           .vcpus = 1,
                           .vcpus_max = 1,
                           .mem_mib = 64,
                           .mem_max_mib = 64,
                           .firmware = FW_UEFI,
                           .root_volume = ROOT,
                           .root_bytes = 64 * MIB,
                           .seed_volume = SEED,
                           .disks = {&disk, 1}};
    char text[200], path[PATH_MAX + 64];
    int len = snprintf(text, sizeof(text), "%s@seed", marker);

    vm.ssh_key = text;
    if (len < 0 || make_volumes(s, &vm, e) < 0 || define(s, &vm, e) < 0 ||
        s->v->ops->dom->start(s->v, VM, e) < 0 || s->v->ops->dom->shutdown(s->v, VM, e) < 0)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/nvram/by-" VM "_VARS.fd", s->world);
    if (plant(path, 100, marker, "nvram", e) < 0 || plant(s->log, 5000, marker, "console", e) < 0 ||
        plant(s->root, (off_t)(2 * MIB), marker, "overlay", e) < 0 ||
        plant(s->root, (off_t)(3 * MIB) - 20, marker, "overlay-across-blocks", e) < 0 ||
        plant(s->data, 0, marker, "raw-first", e) < 0 ||
        plant(s->data, (off_t)(8 * MIB) + 700, marker, "raw-tail", e) < 0)
        return -1;
    len = snprintf(text, sizeof(text), "%s@saved", marker);
    return virt_fake_save(s->world, VM, text, (size_t)len, e);
}

static int
erase_copy(const char *what, const char *path, bool overwrite, struct err *e)
{
    SCOPED(strbuf) struct strbuf limits = {0};
    struct extent_report r = {0};

    if (!overwrite)
        return 0;
    if (extent_erase(path, NULL, &r, e) < 0)
        return err_wrap(e, "%s", what);
    extent_limits(&r, &limits);
    printf("%-10s %10llu bytes, %8llu overwritten, %8llu read back  %s%s\n", what,
           (unsigned long long)r.size_bytes, (unsigned long long)r.overwritten_bytes,
           (unsigned long long)r.read_back_bytes, path, r.direct ? "" : " (no direct access)");
    if (limits.len > 0)
        printf("  limit: %s\n", limits.s);
    return 0;
}

static int
erase_all(struct scene *s, bool overwrite, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const char *const *left;
    size_t n;

    if (s->v->ops->dom->leftovers(s->v, VM, &a, &left, &n, e) < 0)
        return -1;
    if (n != 3)
        return err_set(e, BY_E_BUG, "%zu files beside the disks, not 3", n);
    if (erase_copy("root", s->root, overwrite, e) < 0 ||
        erase_copy("seed", s->seed, overwrite, e) < 0 ||
        erase_copy("data", s->data, overwrite, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (erase_copy("kept", left[i], overwrite, e) < 0)
            return -1;
    if (s->v->ops->dom->undefine(s->v, VM, e) < 0 || durable_remove(s->log, e) < 0 ||
        s->v->ops->vol->remove(s->v, ROOT, e) < 0 || s->v->ops->vol->remove(s->v, SEED, e) < 0)
        return -1;
    return s->v->ops->vol->remove(s->v, DATA, e);
}

int
main(int argc, char **argv)
{
    struct scene s = {0};
    struct err e = {0};
    int r;

    if (argc < 3 || (strcmp(argv[1], "plant") == 0 && argc != 4)) {
        fprintf(stderr, "usage: erase-proof plant FOLDER MARKER | erase FOLDER | unlink FOLDER\n");
        return 2;
    }
    if (scene_open(&s, argv[2], &e) < 0)
        return fail("open", &e);
    if (strcmp(argv[1], "plant") == 0)
        r = plant_all(&s, argv[3], &e);
    else
        r = erase_all(&s, strcmp(argv[1], "erase") == 0, &e);
    virt_close(s.v);
    return r < 0 ? fail(argv[1], &e) : 0;
}
