/* Rows with a guest that really boots: the image that tests/testbed/guest-image makes, named by the
 * environment variable CONTRACT_IMAGE. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/host/seed.h"
#include "tests/contract/rows.h"

enum { PATIENCE_MS = 150000 }; /* TCG on a busy machine; a guest that is up ends the wait at once */

struct guest {
    struct virt_dom_spec s;
    struct w_vm_spec vm;
    struct w_nic nic;
    struct virt_net_spec *net;
};

static void
pause_briefly(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
}

/* The serial log says it, in time. */
static bool
log_says(const char *path, const char *text)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    char buf[32768];

    for (; clock_mono_ms() < end; pause_briefly()) {
        FILE *f = fopen(path, "re");
        size_t n = f == NULL ? 0 : fread(buf, 1, sizeof(buf) - 1, f);

        if (f != NULL)
            (void)fclose(f);
        for (size_t i = 0; i < n; i++) /* a boot loader may print NULs */
            if (buf[i] == '\0')
                buf[i] = ' ';
        buf[n] = '\0';
        if (strstr(buf, text) != NULL)
            return true;
    }
    return false;
}

static void
seed_put(struct contract *c, struct guest *g)
{
    struct virt_vol_spec v = {.format = FMT_RAW};
    struct virt_vol_seen seen = {0};
    char path[SEED_PATH_MAX];
    int fd = -1;

    memcpy(v.id, g->vm.seed_volume, sizeof(v.id));
    OK(seed_memfd(&g->vm, &fd, path, e));
    v.content_path = path;
    OK(c->v->ops->vol->create(c->v, &v, e));
    OK(c->v->ops->vol->get(c->v, v.id, &c->a, &seen, e));
    g->s.seed_path = seen.path;
    if (fd >= 0)
        close(fd);
}

static struct guest *
guest_make(struct contract *c, int firmware)
{
    struct guest *g = arena_alloc(&c->a, sizeof(*g));
    struct virt_vol_spec v = {
        .format = FMT_QCOW2, .size_bytes = 256 << 20, .backing_path = getenv("CONTRACT_IMAGE")};
    struct virt_vol_seen seen = {0};
    struct virt_net_host h = {0};

    g->s = *contract_vm(c);
    g->vm = *g->s.vm;
    g->s.vm = &g->vm;
    g->vm.firmware = firmware;
    g->vm.vcpus = g->vm.vcpus_max = 1;
    g->vm.mem_mib = g->vm.mem_max_mib = 256; /* an initrd is there twice while it is unpacked */
    OK(c->v->ops->vol->remove(c->v, g->vm.root_volume, e)); /* ours is an overlay */
    OK(c->v->ops->vol->remove(c->v, g->vm.seed_volume, e));
    memcpy(v.id, g->vm.root_volume, sizeof(v.id));
    OK(c->v->ops->vol->create(c->v, &v, e));
    OK(c->v->ops->vol->get(c->v, v.id, &c->a, &seen, e));
    g->s.root_path = seen.path;
    seed_put(c, g);
    g->net = contract_net(c);
    memcpy(g->nic.network, g->net->net->id, 37);
    (void)snprintf(g->nic.mac, sizeof(g->nic.mac), "52:54:00:%.2s:%.2s:01", g->vm.id, g->vm.id + 2);
    (void)snprintf(g->nic.ip, sizeof(g->nic.ip), "%.*s.77",
                   (int)(strrchr(g->net->net->cidr, '.') - g->net->net->cidr), g->net->net->cidr);
    g->vm.nics = (struct jm_list){.items = &g->nic, .n = 1};
    memcpy(h.mac, g->nic.mac, sizeof(h.mac));
    memcpy(h.ip, g->nic.ip, sizeof(h.ip));
    memcpy(h.name, g->vm.hostname, sizeof(h.name));
    OK(c->v->ops->net->define(c->v, g->net, e));
    OK(c->v->ops->net->host_add(c->v, g->net->net->id, &h, e));
    OK(c->v->ops->dom->define(c->v, &g->s, e));
    return g;
}

static bool
memory_is_measured(struct contract *c, const struct guest *g)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;

    for (; clock_mono_ms() < end; pause_briefly()) {
        const struct virt_sample *list = NULL;
        size_t n = 0;

        OK(c->v->ops->stats->sample(c->v, false, &c->a, &list, &n, e));
        for (size_t i = 0; i < n; i++)
            if (strcmp(list[i].id, g->vm.id) == 0 && list[i].has_mem)
                return list[i].mem_usable_kib > 0 &&
                       list[i].mem_usable_kib < list[i].mem_available_kib &&
                       list[i].mem_available_kib <= g->vm.mem_mib << 10;
    }
    return false;
}

static bool
is_off(struct contract *c, const struct guest *g)
{
    int64_t end = clock_mono_ms() + PATIENCE_MS;
    struct virt_dom_seen seen = {0};

    for (; clock_mono_ms() < end; pause_briefly()) {
        OK(c->v->ops->dom->get(c->v, g->vm.id, &c->a, &seen, e));
        if (seen.state == VIRT_SHUTOFF)
            return true;
    }
    return false;
}

static void
boot(struct contract *c, int firmware)
{
    struct guest *g = guest_make(c, firmware);
    const char *address = arena_printf(&c->a, "GUEST-ADDRESS eth0 %s", g->nic.ip);

    OK(c->v->ops->dom->start(c->v, g->vm.id, e));
    CHECK(log_says(g->s.serial_log, "GUEST-UP contract"));
    CHECK(log_says(g->s.serial_log, address));
    CHECK(memory_is_measured(c, g));
    OK(c->v->ops->dom->shutdown(c->v, g->vm.id, e));
    CHECK(is_off(c, g));
    contract_vm_drop(c, &g->s);
    OK(c->v->ops->net->remove(c->v, g->net->net->id, e));
    (void)unlink(g->s.serial_log);
}

void
guest_bios(struct contract *c)
{
    boot(c, FW_BIOS);
}

void
guest_uefi(struct contract *c)
{
    boot(c, FW_UEFI);
}
