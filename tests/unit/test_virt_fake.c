#include <CUnit/CUnit.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/host/durable.h"
#include "drivers/virt/virt_fake.h"
#include "tests/unit/tmpdir.h"

#define VM "6f1d3c52-8a01-4e7e-9a55-0123456789ab"
#define VM2 "6f1d3c52-8a01-4e7e-9a55-0123456789ac"
#define ROOT "11111111-2222-4333-8444-555555555555"
#define SEED "11111111-2222-4333-8444-666666666666"
#define DATA "11111111-2222-4333-8444-777777777777"
#define NET "99999999-2222-4333-8444-555555555555"

static const char foreign[] = "<domain type='qemu'><name>by hand</name><uuid>" VM2 "</uuid>"
                              "<memory unit='KiB'>65536</memory><vcpu>1</vcpu>"
                              "<devices><hostdev mode='subsystem' type='pci'/></devices></domain>";

/* A world with an open handle and a domain's parts. */
struct scene {
    char *dir;
    char uri[256], root[256], seed[256], data[256], log[256];
    struct virt *v;
    struct w_nic nic;
    struct w_vm_disk disk;
    struct w_vm_spec vm;
    struct w_network_spec net;
    const char *disk_paths[1];
    struct virt_dom_spec spec;
};

static struct virt *
reopen(const struct scene *s, struct err *e)
{
    struct virt_config c = {.uri = s->uri};
    struct virt *v = NULL;

    return virt_fake_open(&c, &v, e) < 0 ? NULL : v;
}

static void
scene_open(struct scene *s)
{
    struct err e = {0};

    *s = (struct scene){.dir = tmpdir_new()};
    (void)snprintf(s->uri, sizeof(s->uri), "fake://%s/w", s->dir);
    s->v = reopen(s, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(s->v);
    CU_ASSERT_EQUAL_FATAL(s->v->ops->pool->ensure(s->v, &e), 0);
    (void)snprintf(s->root, sizeof(s->root), "%s/w/pool/by-" ROOT, s->dir);
    (void)snprintf(s->seed, sizeof(s->seed), "%s/w/pool/by-" SEED, s->dir);
    (void)snprintf(s->data, sizeof(s->data), "%s/w/pool/by-" DATA, s->dir);
    (void)snprintf(s->log, sizeof(s->log), "%s/console.log", s->dir);
    s->nic = (struct w_nic){.network = NET, .mac = "52:54:00:00:00:01", .ip = "10.0.0.2"};
    s->disk = (struct w_vm_disk){.volume = DATA, .format = FMT_RAW};
    s->vm = (struct w_vm_spec){.id = VM,
                               .name = "网站 <1>",
                               .hostname = "web-1",
                               .vcpus = 2,
                               .vcpus_max = 4,
                               .mem_mib = 512,
                               .mem_max_mib = 1024,
                               .firmware = FW_UEFI,
                               .root_volume = ROOT,
                               .root_bytes = 1 << 20,
                               .seed_volume = SEED,
                               .nics = {&s->nic, 1},
                               .disks = {&s->disk, 1}};
    s->net = (struct w_network_spec){.id = NET, .bridge = "by0123456789ab", .cidr = "10.0.0.0/24"};
    s->disk_paths[0] = s->data;
    s->spec = (struct virt_dom_spec){.vm = &s->vm,
                                     .mark = {VM2, 1, 7},
                                     .root_path = s->root,
                                     .seed_path = s->seed,
                                     .disk_paths = s->disk_paths,
                                     .serial_log = s->log};
}

static void
scene_scope(struct scene *s)
{
    if (s->v != NULL)
        s->v->ops->close(s->v);
    tmpdir_free(s->dir);
}

static const char *
world(const struct scene *s)
{
    return s->uri + strlen("fake://");
}

static void
put(const struct scene *s, const char *name, const char *text)
{
    struct err e = {0};
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", world(s), name);
    CU_ASSERT_EQUAL_FATAL(durable_write(path, text, strlen(text), 0600, &e), 0);
}

/* Network, volumes and domain, defined and off. */
static void
scene_define(struct scene *s)
{
    const struct virt_ops *o = s->v->ops;
    struct virt_net_spec net = {&s->net, s->spec.mark};
    struct virt_vol_spec vols[] = {
        {.id = ROOT, .format = FMT_QCOW2, .size_bytes = 1 << 20},
        {.id = SEED, .format = FMT_RAW, .size_bytes = 1 << 20},
        {.id = DATA, .format = FMT_RAW, .size_bytes = 1 << 20},
    };
    struct err e = {0};

    CU_ASSERT_EQUAL(o->net->define(s->v, &net, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(vols); i++)
        CU_ASSERT_EQUAL(o->vol->create(s->v, &vols[i], &e), 0);
    CU_ASSERT_EQUAL(o->dom->define(s->v, &s->spec, &e), 0);
    CU_ASSERT_STRING_EQUAL(e.msg, "");
}

static enum virt_state
state_of(struct virt *v, const char *id)
{
    SCOPED(arena) struct arena a = {0};
    struct virt_dom_seen d;
    struct err e = {0};

    return v->ops->dom->get(v, id, &a, &d, &e) < 0 ? VIRT_UNKNOWN : d.state;
}

static void
keeps_a_domain_through_its_life(void)
{
    SCOPED(scene) struct scene s;
    SCOPED(arena) struct arena a = {0};
    const char *const *paths;
    struct virt_dom_seen d;
    struct err e = {0};
    size_t n;

    scene_open(&s);
    scene_define(&s);
    CU_ASSERT_EQUAL(state_of(s.v, VM), VIRT_SHUTOFF);
    CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL_FATAL(s.v->ops->dom->get(s.v, VM, &a, &d, &e), 0);
    CU_ASSERT(d.ours && d.persistent && d.has_live && !d.has_saved);
    CU_ASSERT_EQUAL(d.mark.generation, 7);
    CU_ASSERT_EQUAL(d.live.mem_mib, 512);
    CU_ASSERT_EQUAL(d.config.n_disks, 3);
    CU_ASSERT_STRING_EQUAL(d.config.nics[0].network, NET);
    CU_ASSERT_EQUAL(s.v->ops->dom->leftovers(s.v, VM, &a, &paths, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 2); /* NVRAM and console */
    s.vm.mem_mib = 256;
    s.spec.mark.generation = 8;
    CU_ASSERT_EQUAL(s.v->ops->dom->define(s.v, &s.spec, &e), 0);
    CU_ASSERT_EQUAL_FATAL(s.v->ops->dom->get(s.v, VM, &a, &d, &e), 0);
    CU_ASSERT_EQUAL(d.config.mem_mib, 256);
    CU_ASSERT_EQUAL(d.live.mem_mib, 512);
    CU_ASSERT_EQUAL(d.mark.generation, 8);
    CU_ASSERT_EQUAL(s.v->ops->dom->shutdown(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL(state_of(s.v, VM), VIRT_SHUTOFF);
    CU_ASSERT_EQUAL(s.v->ops->dom->undefine(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->undefine(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->destroy(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->get(s.v, VM, &a, &d, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
    CU_ASSERT_EQUAL(tmpdir_count(s.dir, "w/nvram"), 0);
}

static void
does_not_start_what_is_not_ready(void)
{
    SCOPED(scene) struct scene s;
    struct err e = {0};

    scene_open(&s);
    scene_define(&s);
    CU_ASSERT_EQUAL(virt_fake_reboot(world(&s), &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->vol->remove(s.v, DATA, &e), -1); /* the pool is not started */
    CU_ASSERT_EQUAL(e.code, BY_E_IO);
    CU_ASSERT_EQUAL(s.v->ops->pool->ensure(s.v, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM, &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "is not active"));
    CU_ASSERT_EQUAL(s.v->ops->net->start(s.v, NET, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->vol->remove(s.v, DATA, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM, &e), -1);
    CU_ASSERT_PTR_NOT_NULL(strstr(e.msg, "no file"));
    CU_ASSERT_EQUAL(state_of(s.v, VM), VIRT_SHUTOFF);
}

static void
refuses_two_domains_on_one_disk(void)
{
    SCOPED(scene) struct scene s;
    struct err e = {0};

    scene_open(&s);
    scene_define(&s);
    CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM, &e), 0);
    memcpy(s.vm.id, VM2, sizeof(VM2));
    CU_ASSERT_EQUAL(s.v->ops->dom->define(s.v, &s.spec, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM2, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
}

static void
makes_volumes_that_are_real_files(void)
{
    SCOPED(scene) struct scene s;
    SCOPED(arena) struct arena a = {0};
    struct virt_vol_spec over = {.id = DATA, .format = FMT_QCOW2, .size_bytes = 1u << 30};
    struct virt_vol_spec copy = {.id = SEED, .format = FMT_RAW};
    struct virt_vol_seen vol;
    const struct virt_vol_seen *all;
    struct err e = {0};
    struct stat st;
    char image[512];
    size_t n;

    scene_open(&s);
    put(&s, "content", "the seed's bytes");
    (void)snprintf(image, sizeof(image), "%s/content", world(&s));
    over.backing_path = copy.content_path = image;
    CU_ASSERT_EQUAL(s.v->ops->vol->create(s.v, &over, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->vol->create(s.v, &over, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->vol->create(s.v, &copy, &e), 0);
    CU_ASSERT_EQUAL(stat(s.seed, &st), 0);
    CU_ASSERT_EQUAL(st.st_size, 16);
    CU_ASSERT_EQUAL_FATAL(s.v->ops->vol->get(s.v, DATA, &a, &vol, &e), 0);
    CU_ASSERT_EQUAL(vol.format, FMT_QCOW2);
    CU_ASSERT_EQUAL(vol.capacity_bytes, 1u << 30);
    CU_ASSERT_STRING_EQUAL(vol.backing_path, image);
    CU_ASSERT_EQUAL(s.v->ops->vol->grow(s.v, DATA, 1u << 29, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    CU_ASSERT_EQUAL(s.v->ops->vol->grow(s.v, DATA, 3ull << 30, &e), 0);
    CU_ASSERT_EQUAL_FATAL(s.v->ops->vol->get(s.v, DATA, &a, &vol, &e), 0);
    CU_ASSERT_EQUAL(vol.capacity_bytes, 3ull << 30);
    CU_ASSERT_EQUAL(s.v->ops->vol->create(s.v, &over, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL(s.v->ops->vol->list(s.v, &a, &all, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 2);
    CU_ASSERT_EQUAL(s.v->ops->vol->remove(s.v, DATA, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->vol->remove(s.v, DATA, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->vol->get(s.v, DATA, &a, &vol, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
}

static void
runs_full_when_the_pool_is_small(void)
{
    SCOPED(scene) struct scene s;
    struct virt_vol_spec big = {.id = DATA, .format = FMT_RAW, .size_bytes = 3 << 20};
    struct err e = {0};

    scene_open(&s);
    put(&s, "host", "cpus=4 pool_bytes=2097152\n");
    CU_ASSERT_EQUAL(s.v->ops->vol->create(s.v, &big, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NO_SPACE);
    CU_ASSERT_EQUAL(tmpdir_count(s.dir, "w/pool"), 0);
}

static void
gives_each_card_its_address_once(void)
{
    SCOPED(scene) struct scene s;
    SCOPED(arena) struct arena a = {0};
    const struct virt_net_seen *nets;
    struct virt_net_host h = {"52:54:00:00:00:01", "10.0.0.2", "web-1"};
    struct virt_net_host other = {"52:54:00:00:00:02", "10.0.0.2", "web-2"};
    struct err e = {0};
    size_t n;

    scene_open(&s);
    scene_define(&s);
    CU_ASSERT_EQUAL(s.v->ops->net->host_add(s.v, NET, &h, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->net->host_add(s.v, NET, &h, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->net->host_add(s.v, NET, &other, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL_FATAL(s.v->ops->net->list(s.v, &a, &nets, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 1);
    CU_ASSERT(nets[0].ours && nets[0].active);
    CU_ASSERT_EQUAL(nets[0].n_hosts, 1);
    CU_ASSERT_STRING_EQUAL(nets[0].hosts[0].ip, "10.0.0.2");
    CU_ASSERT_EQUAL(s.v->ops->net->host_remove(s.v, NET, h.mac, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->net->host_remove(s.v, NET, h.mac, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->net->remove(s.v, NET, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->net->remove(s.v, NET, &e), 0);
}

/* Each row: a script, then what the first and the second start come to, and the state after. */
static void
obeys_its_script(void)
{
    static const struct {
        const char *script;
        enum err_code first, second;
        enum virt_state after_first;
    } rows[] = {
        {"dom.start 1 fail no_space\n", BY_E_NO_SPACE, BY_E_OK, VIRT_SHUTOFF},
        {"dom.start 2 fail io\n", BY_E_OK, BY_E_IO, VIRT_RUNNING},
        {"# nothing\n\ndom.start 1 lose\n", BY_E_TIMEOUT, BY_E_OK, VIRT_RUNNING},
        {"dom.start * fail busy\n", BY_E_BUSY, BY_E_BUSY, VIRT_SHUTOFF},
        {"dom.start 2+ fail busy\n", BY_E_OK, BY_E_BUSY, VIRT_RUNNING},
        {"dom.start 1 slow 1\n", BY_E_OK, BY_E_OK, VIRT_RUNNING},
        {"dom.start 1 fail io id=" VM2 "\n", BY_E_OK, BY_E_OK, VIRT_RUNNING},
        {"dom.start 1 fail io id=" VM "\n", BY_E_IO, BY_E_OK, VIRT_SHUTOFF},
        {"dom.start 1 fail io\nany 999 gone\n", BY_E_IO, BY_E_OK, VIRT_SHUTOFF},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(scene) struct scene s;
        struct err e = {0}, e2 = {0};

        scene_open(&s);
        scene_define(&s);
        put(&s, "script", rows[i].script);
        CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM, &e) < 0, rows[i].first != BY_E_OK);
        CU_ASSERT_EQUAL(e.code, rows[i].first);
        CU_ASSERT_EQUAL(state_of(s.v, VM), rows[i].after_first);
        (void)s.v->ops->dom->start(s.v, VM, &e2);
        CU_ASSERT_EQUAL(e2.code, rows[i].second);
    }
}

static void
lets_no_typo_of_a_script_pass(void)
{
    static const char *const rows[] = {"dom.start\n",        "dom.start x fail io\n",
                                       "dom.start 0 lose\n", "dom.start 1 fail oi\n",
                                       "ping 1 explode\n",   "ping 1 slow soon\n"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        SCOPED(scene) struct scene s;
        struct err e = {0};

        scene_open(&s);
        put(&s, "script", rows[i]);
        CU_ASSERT_EQUAL(s.v->ops->ping(s.v, &e), -1);
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    }
}

static void
counts_over_handles_and_forgets_a_lost_connection(void)
{
    SCOPED(scene) struct scene s;
    struct virt *second;
    unsigned long long n = 0;
    struct err e = {0};

    scene_open(&s);
    put(&s, "script", "ping 3 gone\n");
    CU_ASSERT_EQUAL(s.v->ops->ping(s.v, &e), 0);
    second = reopen(&s, &e);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT_EQUAL(second->ops->ping(second, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->ping(s.v, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_BUSY);
    CU_ASSERT_EQUAL(s.v->ops->pool->ensure(s.v, &e), -1); /* this handle is dead */
    CU_ASSERT_EQUAL(second->ops->ping(second, &e), 0);
    second->ops->close(second);
    CU_ASSERT_EQUAL(virt_fake_calls(world(&s), "ping", &n, &e), 0);
    CU_ASSERT_EQUAL(n, 4);
}

static void *
ping_in_thread(void *ctx)
{
    struct virt *v = ctx;
    struct err e = {0};

    return v->ops->ping(v, &e) == 0 ? v : NULL;
}

static void
hangs_until_it_is_released_and_holds_up_nobody(void)
{
    SCOPED(scene) struct scene s;
    unsigned long long n = 0;
    pthread_t thread;
    struct err e = {0};
    void *answer = NULL;

    scene_open(&s);
    put(&s, "script", "ping 1 hang\n");
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, ping_in_thread, s.v), 0);
    while (n == 0) /* until its call was counted, so that ours is the second */
        (void)virt_fake_calls(world(&s), "ping", &n, &e);
    CU_ASSERT_EQUAL(s.v->ops->ping(s.v, &e), 0);
    put(&s, "release", "");
    CU_ASSERT_EQUAL(pthread_join(thread, &answer), 0);
    CU_ASSERT_PTR_EQUAL(answer, s.v);
}

static void
leaves_half_a_copy_when_the_script_says_so(void)
{
    SCOPED(scene) struct scene s;
    SCOPED(strbuf) struct strbuf got = {0};
    struct virt_vol_spec copy = {.id = SEED, .format = FMT_RAW};
    struct err e = {0};
    char from[512];

    scene_open(&s);
    put(&s, "content", "12345678");
    put(&s, "script", "vol.create 1 half\n");
    (void)snprintf(from, sizeof(from), "%s/content", world(&s));
    copy.content_path = from;
    CU_ASSERT_EQUAL(s.v->ops->vol->create(s.v, &copy, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_TIMEOUT);
    CU_ASSERT_EQUAL(durable_read(s.seed, 100, &got, &e), 0);
    CU_ASSERT_EQUAL(got.len, 8);
    CU_ASSERT_EQUAL(memcmp(strbuf_peek(&got), "1234\0\0\0\0", 8), 0);
    CU_ASSERT_EQUAL(s.v->ops->vol->create(s.v, &copy, &e), 0); /* its content is not judged */
}

static void
keeps_foreign_domains_byte_for_byte(void)
{
    SCOPED(scene) struct scene s;
    SCOPED(arena) struct arena a = {0};
    struct virt_dom_seen d;
    const char *got = NULL;
    struct err e = {0};

    scene_open(&s);
    scene_define(&s);
    CU_ASSERT_EQUAL(virt_fake_add_foreign(world(&s), VM2, foreign, VIRT_FAKE_RUNNING, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->get(s.v, VM2, &a, &d, &e), 0);
    CU_ASSERT_FALSE(d.ours);
    CU_ASSERT_EQUAL(d.state, VIRT_RUNNING);
    memcpy(s.vm.id, VM2, sizeof(VM2));
    CU_ASSERT_EQUAL(s.v->ops->dom->define(s.v, &s.spec, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL(s.v->ops->dom->xml(s.v, VM2, false, &a, &got, &e), 0);
    CU_ASSERT_STRING_EQUAL(got, foreign);
    CU_ASSERT_EQUAL(virt_fake_add_element(world(&s), VM, "<panic model='isa'/>", &e), 0);
    memcpy(s.vm.id, VM, sizeof(VM));
    s.vm.vcpus = 1;
    CU_ASSERT_EQUAL(s.v->ops->dom->define(s.v, &s.spec, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->xml(s.v, VM, false, &a, &got, &e), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(got, "panic model="));
}

static void
has_counters_that_only_rise(void)
{
    SCOPED(scene) struct scene s;
    SCOPED(arena) struct arena a = {0};
    const struct virt_sample *one, *two;
    struct err e = {0};
    int64_t until;
    size_t n;

    scene_open(&s);
    scene_define(&s);
    CU_ASSERT_EQUAL(s.v->ops->stats->sample(s.v, false, &a, &one, &n, &e), 0);
    CU_ASSERT_EQUAL(n, 0); /* nothing runs */
    CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL(virt_fake_load(world(&s), VM, "cpu=500 rx=1000000 mem=-1\n", &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->stats->sample(s.v, false, &a, &one, &n, &e), 0);
    CU_ASSERT_EQUAL_FATAL(n, 1);
    CU_ASSERT(one->has_cpu && one->has_net && one->has_block && !one->has_mem);
    until = clock_mono_ms() + 3;
    while (clock_mono_ms() < until)
        continue;
    CU_ASSERT_EQUAL(s.v->ops->stats->sample(s.v, true, &a, &two, &n, &e), 0);
    CU_ASSERT_FALSE(two->has_block);
    CU_ASSERT_EQUAL(two->run_id, one->run_id);
    CU_ASSERT(two->cpu_ns > one->cpu_ns);
    CU_ASSERT(two->net_rx_bytes > one->net_rx_bytes);
    /* Half of two CPUs is one CPU's time. */
    CU_ASSERT(llabs((long long)(two->cpu_ns - one->cpu_ns) - (two->taken_ns - one->taken_ns)) <
              1000);
    CU_ASSERT_EQUAL(virt_fake_crash(world(&s), VM, &e), 0);
    CU_ASSERT_EQUAL(state_of(s.v, VM), VIRT_CRASHED);
    CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->stats->sample(s.v, true, &a, &two, &n, &e), 0);
    CU_ASSERT(two->run_id > one->run_id);
    CU_ASSERT_EQUAL(two->cpu_ns, 0);
}

static void
loses_what_a_reboot_loses_and_no_more(void)
{
    SCOPED(scene) struct scene s;
    SCOPED(arena) struct arena a = {0};
    struct virt_dom_seen d;
    struct err e = {0};

    scene_open(&s);
    scene_define(&s);
    CU_ASSERT_EQUAL(virt_fake_load(world(&s), "default", "deaf=1\n", &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->shutdown(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL(state_of(s.v, VM), VIRT_RUNNING); /* it does not listen */
    CU_ASSERT_EQUAL(virt_fake_save(world(&s), VM, "memory", 6, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->get(s.v, VM, &a, &d, &e), 0);
    CU_ASSERT(d.has_saved);
    CU_ASSERT_EQUAL(s.v->ops->dom->start(s.v, VM, &e), 0);
    CU_ASSERT_EQUAL(s.v->ops->dom->undefine(s.v, VM, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_CONFLICT);
    CU_ASSERT_EQUAL(virt_fake_add_foreign(world(&s), VM2, foreign, VIRT_FAKE_TRANSIENT, &e), 0);
    CU_ASSERT_EQUAL(state_of(s.v, VM2), VIRT_RUNNING);
    CU_ASSERT_EQUAL(virt_fake_reboot(world(&s), &e), 0);
    CU_ASSERT_EQUAL(state_of(s.v, VM), VIRT_SHUTOFF);
    CU_ASSERT_EQUAL(s.v->ops->dom->get(s.v, VM2, &a, &d, &e), -1);
    CU_ASSERT_EQUAL(e.code, BY_E_NOT_FOUND);
    CU_ASSERT_EQUAL(tmpdir_count(s.dir, "w/pool"), 3);
}

/* A child defines, starts and stops until it is killed; whatever it was doing, the world reads. */
static void
survives_kill_at_any_moment(void)
{
    SCOPED(scene) struct scene s;
    struct err e = {0};

    scene_open(&s);
    scene_define(&s);
    for (int round = 0; round < 20; round++) {
        unsigned long long before = 0, now = 0;
        pid_t child;

        CU_ASSERT_EQUAL(virt_fake_calls(world(&s), "any", &before, &e), 0);
        child = fork();
        if (child == 0) {
            struct virt *v = reopen(&s, &e);

            for (;;) {
                s.spec.mark.generation++;
                (void)v->ops->dom->define(v, &s.spec, NULL);
                (void)v->ops->dom->start(v, VM, NULL);
                (void)v->ops->dom->destroy(v, VM, NULL);
            }
        }
        while (now < before + 4 + (unsigned long long)round)
            (void)virt_fake_calls(world(&s), "any", &now, NULL);
        CU_ASSERT_EQUAL(kill(child, SIGKILL), 0);
        CU_ASSERT_EQUAL(waitpid(child, NULL, 0), child);
        CU_ASSERT_NOT_EQUAL(state_of(s.v, VM), VIRT_UNKNOWN);
        CU_ASSERT_EQUAL(s.v->ops->dom->define(s.v, &s.spec, &e), 0);
    }
}

CU_TestInfo virt_fake_tests[] = {
    {"keeps a domain through its life", keeps_a_domain_through_its_life},
    {"does not start what is not ready", does_not_start_what_is_not_ready},
    {"refuses two domains on one disk", refuses_two_domains_on_one_disk},
    {"makes volumes that are real files", makes_volumes_that_are_real_files},
    {"runs full when the pool is small", runs_full_when_the_pool_is_small},
    {"gives each card its address once", gives_each_card_its_address_once},
    {"obeys its script", obeys_its_script},
    {"lets no typo of a script pass", lets_no_typo_of_a_script_pass},
    {"counts over handles and forgets a lost connection",
     counts_over_handles_and_forgets_a_lost_connection},
    {"hangs until it is released and holds up nobody",
     hangs_until_it_is_released_and_holds_up_nobody},
    {"leaves half a copy when the script says so", leaves_half_a_copy_when_the_script_says_so},
    {"keeps foreign domains byte for byte", keeps_foreign_domains_byte_for_byte},
    {"has counters that only rise", has_counters_that_only_rise},
    {"loses what a reboot loses and no more", loses_what_a_reboot_loses_and_no_more},
    {"survives kill at any moment", survives_kill_at_any_moment},
    CU_TEST_INFO_NULL,
};
