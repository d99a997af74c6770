#include "agent/show_images.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/ident.h"
#include "agent/receipts.h"
#include "drivers/host/durable.h"
#include "drivers/virt/virt.h"

SCOPE_FN(virt_close, struct virt)

/* What is known on this host. */
struct host {
    struct arena a;
    struct agent_config conf;
    struct receipts *receipts;
    const struct virt_vol_seen *vols;
    size_t n_vols;
};

static void
host_clear(struct host *h)
{
    receipts_free(h->receipts);
    arena_clear(&h->a);
}

static int
host_read(struct host *h, const char *dir, const char *config_file, struct err *e)
{
    SCOPED(virt_close) struct virt *v = NULL;
    const char *own = arena_printf(&h->a, "%s/agent.conf", dir);
    struct ident who;

    if (config_file == NULL && access(own, F_OK) == 0)
        config_file = own;
    if (agent_config_load(config_file, &h->conf, e) < 0 || ident_load(dir, &h->a, &who, e) < 0 ||
        receipts_read(who.receipts_dir, who.receipts, &h->receipts, e) < 0)
        return -1;
    if (virt_open(&(struct virt_config){.uri = h->conf.libvirt_uri,
                                        .pool_name = h->conf.pool_name,
                                        .pool_path = h->conf.pool_path,
                                        .read_only = true},
                  &v, e) < 0 ||
        v->ops->vol->list(v, &h->a, &h->vols, &h->n_vols, e) < 0)
        return err_wrap(e, "volumes of the pool are not known, so nothing counts as unused");
    return 0;
}

/* The file's name begins with the hash. */
static void
count_uses(const struct host *h, const char *sha256, size_t *machines, size_t *volumes)
{
    *machines = *volumes = 0;
    for (size_t i = 0; i < receipts_count(h->receipts); i++) {
        const struct receipt *t = receipts_at(h->receipts, i);

        *machines += t->order.kind == RES_VM && !t->facts.absent &&
                     strncmp(t->order.vm.image, sha256, 64) == 0;
    }
    for (size_t i = 0; i < h->n_vols; i++)
        *volumes +=
            h->vols[i].backing_path != NULL && strstr(h->vols[i].backing_path, sha256) != NULL;
}

/* SHA256.qcow2, .img or .part into its hash; false when it is something else. */
static bool
hash_of(const char *name, char sha256[65])
{
    if (strspn(name, "0123456789abcdef") != 64 || name[64] != '.')
        return false;
    memcpy(sha256, name, 64);
    sha256[64] = '\0';
    return true;
}

static void
print_file(const struct host *h, const char *name, FILE *out)
{
    char sha256[65], path[512];
    size_t machines, volumes;
    struct stat st;

    if (!hash_of(name, sha256) ||
        snprintf(path, sizeof(path), "%s/%s", h->conf.image_dir, name) >= (int)sizeof(path) ||
        stat(path, &st) < 0)
        return;
    count_uses(h, sha256, &machines, &volumes);
    fprintf(out, "%s  %6jd MiB  ", sha256, (intmax_t)st.st_size >> 20);
    if (strcmp(name + 64, ".part") == 0)
        fprintf(out, "being fetched\n");
    else if (machines == 0 && volumes == 0)
        fprintf(out, "unused\n");
    else
        fprintf(out, "machines %zu  volumes %zu\n", machines, volumes);
}

int
show_images(const char *dir, const char *config_file, FILE *out, struct err *e)
{
    struct host h = {0};
    int rc = host_read(&h, dir, config_file, e);
    DIR *d = rc == 0 ? opendir(h.conf.image_dir) : NULL;

    if (rc == 0 && d == NULL && errno != ENOENT)
        rc = durable_errno(e, errno, "open", h.conf.image_dir);
    for (const struct dirent *f; d != NULL && (f = readdir(d)) != NULL;)
        print_file(&h, f->d_name, out);
    if (d != NULL)
        (void)closedir(d); /* only read */
    host_clear(&h);
    return rc;
}

static int
remove_files(const struct host *h, const char *sha256, FILE *out, struct err *e)
{
    static const char *const endings[] = {".qcow2", ".img", ".part"};
    size_t machines, volumes;
    int found = 0;

    count_uses(h, sha256, &machines, &volumes);
    if (machines > 0 || volumes > 0)
        return err_set(e, BY_E_CONFLICT,
                       "image %.12s… is in use: %zu machines and %zu volumes stand on it", sha256,
                       machines, volumes);
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        char path[512];

        (void)snprintf(path, sizeof(path), "%.400s/%s%s", h->conf.image_dir, sha256, endings[i]);
        if (access(path, F_OK) < 0)
            continue;
        if (durable_remove(path, e) < 0)
            return -1;
        fprintf(out, "removed %s\n", path);
        found++;
    }
    return found > 0 ? 0
                     : err_set(e, BY_E_NOT_FOUND, "no image %s in %s", sha256, h->conf.image_dir);
}

int
show_images_remove(const char *dir, const char *config_file, const char *sha256, FILE *out,
                   struct err *e)
{
    SCOPED(fd) int lock = -1;
    struct host h = {0};
    int rc;

    if (strlen(sha256) != 64 || strspn(sha256, "0123456789abcdef") != 64)
        return err_set(e, BY_E_INVALID, "'%.80s' is no SHA-256: 64 hex digits", sha256);
    if (ident_lock(dir, 0, &lock, e) < 0)
        return err_wrap(e, "stop the agent first (machines run on)");
    rc = host_read(&h, dir, config_file, e);
    if (rc == 0)
        rc = remove_files(&h, sha256, out, e);
    host_clear(&h);
    return rc;
}
