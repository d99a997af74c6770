/* provision.ratio: from the acknowledgement of a grant of one VM to libvirt's event that it runs,
 * against the same volume, seed, definition and start made directly with the same driver calls.
 * Pairs are interleaved, the order within a pair alternates, the host is warm.  What a pair made is
 * switched off before the next.  Prints JSON lines; progress goes to standard error.
 * Started by bench_provision.sh, which makes the cloud. */
#include <errno.h>
#include <libvirt/libvirt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drivers/base/clock.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "drivers/host/image.h"
#include "drivers/host/seed.h"
#include "drivers/net/httpc.h"
#include "drivers/virt/virt.h"

#define MEM_MIB 96
#define GIB ((uint64_t)1 << 30)

/* Lifecycle events of the last few domains, written by libvirt's thread. */
struct events {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct {
        char id[W_ID];
        bool started;
        int64_t at_ns;
    } ring[64];
    unsigned next;
};

struct bench {
    struct arena a;
    struct httpc *bureau, *tenant;
    struct sigkey *key;
    struct virt *virt;
    virConnectPtr watch;
    struct events events;
    const char *image, *image_dir, *system, *unit, *approver, *serial_dir;
};

static void
die(const char *what, const struct err *e)
{
    fprintf(stderr, "bench_provision: %s: %s\n", what, e != NULL ? e->msg : strerror(errno));
    exit(1);
}

static int
on_event(virConnectPtr c, virDomainPtr d, int event, int detail, void *arg)
{
    struct events *ev = arg;
    char id[VIR_UUID_STRING_BUFLEN];
    int64_t now = clock_mono_ns();

    (void)c;
    (void)detail;
    if ((event != VIR_DOMAIN_EVENT_STARTED && event != VIR_DOMAIN_EVENT_STOPPED) ||
        virDomainGetUUIDString(d, id) < 0)
        return 0;
    (void)pthread_mutex_lock(&ev->lock);
    (void)snprintf(ev->ring[ev->next % 64].id, W_ID, "%s", id);
    ev->ring[ev->next % 64].started = event == VIR_DOMAIN_EVENT_STARTED;
    ev->ring[ev->next % 64].at_ns = now;
    ev->next++;
    (void)pthread_cond_broadcast(&ev->changed);
    (void)pthread_mutex_unlock(&ev->lock);
    return 0;
}

/* When the domain started (or stopped): waits at most 60 s. */
static int64_t
wait_event(struct events *ev, const char *id, bool started)
{
    struct timespec until;
    int64_t at = 0;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    (void)pthread_mutex_lock(&ev->lock);
    while (at == 0) {
        for (unsigned i = 0; i < 64; i++)
            if (strcmp(ev->ring[i].id, id) == 0 && ev->ring[i].started == started)
                at = ev->ring[i].at_ns;
        if (at == 0 && pthread_cond_timedwait(&ev->changed, &ev->lock, &until) == ETIMEDOUT)
            break;
    }
    (void)pthread_mutex_unlock(&ev->lock);
    if (at == 0) {
        fprintf(stderr, "bench_provision: no %s event of %s within 60 s\n",
                started ? "start" : "stop", id);
        exit(1);
    }
    return at;
}

static void
make_grant(struct bench *b, int n, struct w_grant *g, struct w_grant_line *line)
{
    int64_t now = clock_wall_ms();
    char hash[65];

    *line = (struct w_grant_line){.line = 1,
                                  .kind = RES_VM,
                                  .count = 1,
                                  .vcpus = 1,
                                  .mem_mib = MEM_MIB,
                                  .disk_gib = 1,
                                  .firmware = FW_BIOS};
    (void)snprintf(line->name, sizeof(line->name), "pair-%d", n);
    (void)snprintf(line->image, sizeof(line->image), "%s", b->image);
    *g = (struct w_grant){.version = 1,
                          .approved_at_ms = now,
                          .valid_from_ms = now - 1000,
                          .valid_to_ms = now + 86400000,
                          .hold_ms = 3600000,
                          .lines = {.items = line, .n = 1}};
    random_uuid(g->id);
    (void)snprintf(g->number, sizeof(g->number), "bench %lld-%d", (long long)now, n);
    (void)snprintf(g->system, sizeof(g->system), "%s", b->system);
    (void)snprintf(g->unit, sizeof(g->unit), "%s", b->unit);
    (void)snprintf(g->approver, sizeof(g->approver), "%s", b->approver);
    digest_sha256_hex("bench", 5, hash);
    (void)snprintf(g->approval_sha256, W_HASH, "%s", hash);
    (void)snprintf(g->agreement_sha256, W_HASH, "%s", hash);
    (void)snprintf(g->declaration_sha256, W_HASH, "%s", hash);
}

static void
post(struct httpc *h, const char *path, const struct jm_field *schema, const void *in,
     struct httpc_answer *out)
{
    SCOPED(strbuf) struct strbuf body = {0};
    struct err e = {0};

    jm_encode(schema, in, &body);
    if (httpc_call(h, "POST", path, strbuf_peek(&body), body.len, 30000, out, &e) < 0)
        die(path, &e);
}

/* Milliseconds from the answer 2xx to the start event; the VM is then put into the recycle bin. */
static double
run_product(struct bench *b, int n)
{
    SCOPED(arena) struct arena a = {0};
    struct w_grant g;
    struct w_grant_line line;
    struct w_grant_request req = {0};
    struct w_accepted acc;
    struct w_act_request act = {.reason = "bench"};
    SCOPED(strbuf) struct strbuf text = {0};
    struct httpc_answer ans = {0};
    struct err e = {0};
    const char *vm;
    int64_t acked, started;

    make_grant(b, n, &g, &line);
    jm_encode(schema_grant, &g, &text);
    if (paper_sign(b->key, PAPER_GRANT, strbuf_peek(&text), &a, &req.grant, &e) < 0)
        die("sign", &e);
    random_uuid(req.request);
    post(b->bureau, "/v1/grants", schema_grant_request, &req, &ans);
    acked = clock_mono_ns();
    if (W_DECODE(accepted, ans.body, ans.len, JM_PEER, &a, &acc, &e) < 0 || acc.orders.n != 1)
        die("answer to a grant", &e);
    vm = JM_ITEM(acc.orders, struct w_order_view, 0)->resource;
    started = wait_event(&b->events, vm, true);
    httpc_answer_clear(&ans);
    random_uuid(act.request);
    post(b->tenant, arena_printf(&a, "/v1/resources/%s:bin", vm), schema_act_request, &act, &ans);
    httpc_answer_clear(&ans);
    (void)wait_event(&b->events, vm, false);
    return (double)(started - acked) / 1e6;
}

static double
run_direct(struct bench *b, int n)
{
    struct w_vm_spec vm = {.vcpus = 1,
                           .vcpus_max = 1,
                           .mem_mib = MEM_MIB,
                           .mem_max_mib = MEM_MIB,
                           .firmware = FW_BIOS,
                           .root_bytes = GIB};
    struct virt_vol_spec root = {.format = FMT_QCOW2, .size_bytes = GIB},
                         seed = {.format = FMT_RAW};
    struct virt_vol_seen seen;
    struct virt_dom_spec dom = {.vm = &vm, .mark = {.term = 1, .generation = 1}};
    SCOPED(arena) struct arena a = {0};
    SCOPED(fd) int fd = -1;
    char path[SEED_PATH_MAX];
    struct image image;
    struct err e = {0};
    int64_t began, started;

    random_uuid(vm.id);
    random_uuid(vm.root_volume);
    random_uuid(vm.seed_volume);
    random_uuid(dom.mark.order);
    (void)snprintf(vm.name, sizeof(vm.name), "direct-%d", n);
    (void)snprintf(vm.hostname, sizeof(vm.hostname), "direct-%d", n);
    (void)snprintf(root.id, W_ID, "%s", vm.root_volume);
    (void)snprintf(seed.id, W_ID, "%s", vm.seed_volume);
    if (image_find(b->image_dir, b->image, NULL, &image, &e) < 0)
        die("image", &e);
    began = clock_mono_ns();
    root.backing_path = image.path;
    if (b->virt->ops->vol->create(b->virt, &root, &e) < 0 || seed_memfd(&vm, &fd, path, &e) < 0)
        die("direct root", &e);
    seed.content_path = path;
    if (b->virt->ops->vol->create(b->virt, &seed, &e) < 0 ||
        b->virt->ops->vol->get(b->virt, vm.root_volume, &a, &seen, &e) < 0)
        die("direct seed", &e);
    dom.root_path = seen.path;
    if (b->virt->ops->vol->get(b->virt, vm.seed_volume, &a, &seen, &e) < 0)
        die("direct seed path", &e);
    dom.seed_path = seen.path;
    dom.serial_log = arena_printf(&a, "%s/%s.log", b->serial_dir, vm.id);
    if (b->virt->ops->dom->define(b->virt, &dom, &e) < 0 ||
        b->virt->ops->dom->start(b->virt, vm.id, &e) < 0)
        die("direct start", &e);
    started = wait_event(&b->events, vm.id, true);
    if (b->virt->ops->dom->destroy(b->virt, vm.id, &e) < 0 ||
        b->virt->ops->dom->undefine(b->virt, vm.id, &e) < 0 ||
        b->virt->ops->vol->remove(b->virt, vm.root_volume, &e) < 0 ||
        b->virt->ops->vol->remove(b->virt, vm.seed_volume, &e) < 0)
        die("direct removal", &e);
    return (double)(started - began) / 1e6;
}

static int
by_value(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return a < b ? -1 : a > b;
}

static double
median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof(*v), by_value);
    return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void
measure(struct bench *b, int pairs)
{
    double *product = calloc((size_t)pairs, sizeof(double)),
           *direct = calloc((size_t)pairs, sizeof(double));
    double *ratio = calloc((size_t)pairs, sizeof(double)), p, d;

    if (product == NULL || direct == NULL || ratio == NULL)
        die("memory", NULL);
    for (int i = -2; i < pairs; i++) { /* two pairs to warm up */
        double x, y;

        x = i % 2 == 0 ? run_product(b, i) : 0;
        y = run_direct(b, i);
        if (i % 2 != 0)
            x = run_product(b, i);
        fprintf(stderr, "pair %d: product %.1f ms, direct %.1f ms\n", i, x, y);
        if (i < 0)
            continue;
        product[i] = x;
        direct[i] = y;
        ratio[i] = x / y;
    }
    p = median(product, pairs);
    d = median(direct, pairs);
    printf("{\"name\":\"provision.ratio\",\"value\":%.4f,\"unit\":\"ratio\",\"floor\":%.1f,"
           "\"ratio\":%.4f,\"pairs\":%d,"
           "\"product_ms\":%.1f,\"median_of_pair_ratios\":%.4f}\n",
           p / d, d, p / d, pairs, p, median(ratio, pairs));
    printf("{\"name\":\"provision.overhead_ms\",\"value\":%.2f,\"unit\":\"ms\",\"floor\":%.1f,"
           "\"ratio\":%.4f}\n",
           p - d, d, p / d);
    free(product);
    free(direct);
    free(ratio);
}

static struct httpc *
connect_as(const char *url, const char *ca, const char *token)
{
    struct httpc_config conf = {.base_url = url, .ca_file = ca};
    struct httpc *h;
    struct err e = {0};

    if (httpc_new(&conf, &h, &e) < 0)
        die("connect", &e);
    httpc_token(h, token);
    return h;
}

static const char *
env(const char *name)
{
    const char *v = getenv(name);

    if (v == NULL) {
        fprintf(stderr, "bench_provision: %s is not set; run tests/bench/bench_provision.sh\n",
                name);
        exit(2);
    }
    return v;
}

int
main(int argc, char **argv)
{
    static struct bench b = {
        .events = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER}};
    struct virt_config vc = {.uri = env("BENCH_URI"),
                             .pool_name = env("BENCH_POOL"),
                             .pool_path = env("BENCH_POOL_PATH")};
    struct err e = {0};

    b.image = env("BENCH_IMAGE");
    b.image_dir = env("BENCH_IMAGE_DIR");
    b.system = env("BENCH_SYSTEM");
    b.unit = env("BENCH_UNIT");
    b.approver = env("BENCH_APPROVER");
    b.serial_dir = env("BENCH_SERIAL_DIR");
    b.bureau = connect_as(env("BENCH_URL"), env("BENCH_CA"), env("BENCH_BUREAU_TOKEN"));
    b.tenant = connect_as(env("BENCH_URL"), env("BENCH_CA"), env("BENCH_TENANT_TOKEN"));
    if (sigkey_load(env("BENCH_KEY"), &b.key, &e) < 0 || virt_open(&vc, &b.virt, &e) < 0)
        die("open", &e);
    b.watch = virConnectOpen(vc.uri); /* virt_open() has registered and runs libvirt's event loop */
    if (b.watch == NULL ||
        virConnectDomainEventRegisterAny(b.watch, NULL, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                         VIR_DOMAIN_EVENT_CALLBACK(on_event), &b.events, NULL) < 0)
        die("events", NULL);
    measure(&b, argc > 1 ? (int)strtol(argv[1], NULL, 10) : 60);
    return 0;
}
