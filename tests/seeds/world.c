#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/enrol.h"
#include "controller/dispatch.h"
#include "controller/jobs.h"
#include "controller/server.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"
#include "drivers/net/httpd.h"
#include "drivers/virt/virt_fake.h"
#include "tests/seeds/fiber.h"
#include "tests/seeds/net.h"
#include "tests/seeds/sim.h"

struct sim sim;
static int64_t template_end_ns;

static void
die(const char *what, const struct err *e)
{
    fprintf(stderr, "seeds: %s: %s\n", what, e->msg);
    abort();
}

void
sim_trace(const char *fmt, ...)
{
    va_list ap;

    if (!sim.trace)
        return;
    printf("%10.3f %3d  ", (double)fiber_now_ns() / 1e9, sim.step);
    va_start(ap, fmt);
    (void)vprintf(fmt, ap);
    va_end(ap);
    (void)putchar('\n');
}

/* ---- folders --------------------------------------------------------------------------------- */

static char copy_to[400];
static size_t copy_skip;

static int
copy_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    char to[900];
    int in, out;

    (void)where;
    (void)snprintf(to, sizeof(to), "%s%s", copy_to, path + copy_skip);
    if (kind == FTW_D)
        return mkdir(to, 0700) < 0 && errno != EEXIST ? -1 : 0;
    if (kind != FTW_F || strstr(path, "-shm") != NULL)
        return 0;
    in = open(path, O_RDONLY | O_CLOEXEC);
    out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st->st_mode & 0777);
    if (in < 0 || out < 0)
        abort();
    while (sendfile(out, in, NULL, 1 << 20) > 0)
        continue;
    (void)close(in);
    (void)close(out);
    return 0;
}

void
sim_copy(const char *from, const char *to)
{
    (void)snprintf(copy_to, sizeof(copy_to), "%s", to);
    copy_skip = strlen(from);
    if (nftw(from, copy_one, 16, FTW_PHYS) != 0) {
        fprintf(stderr, "seeds: cannot copy %s to %s\n", from, to);
        abort();
    }
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st;
    (void)kind;
    (void)where;
    (void)remove(path);
    return 0;
}

void
sim_remove(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void
write_text(const char *path, const char *text)
{
    struct err e = {0};

    if (durable_write(path, text, strlen(text), 0600, &e) < 0)
        die(path, &e);
}

/* ---- the controller -------------------------------------------------------------------------- */

static int
controller_begin(struct err *e)
{
    struct controller *c = &sim.f.ctl.c;
    struct controller_config conf;

    memset(c, 0, sizeof(*c));
    if (config_default(&conf, e) < 0)
        return -1;
    conf.people_port = conf.agents_port = 0;
    conf.unregistered_images = true;
    conf.readers = conf.workers = conf.hashers = 1;
    if (controller_open(c, sim.f.ctl.dir, &conf, e) < 0 || dispatch_new(c, &c->dispatch, e) < 0)
        return -1;
    c->wake_host = dispatch_wake;
    return jobs_new(c, &c->jobs, e) < 0 ? -1 : server_start(c, e);
}

/* A new process has memory of its own; so have its fibers, which are gone, and what they had. */
void
sim_controller_start(void)
{
    struct err e = {0};
    char to[300];
    int old;

    if (sim.lives++ > 0) {
        (void)snprintf(to, sizeof(to), "%s/controller-%d", sim.root, sim.lives);
        sim_copy(sim.f.ctl.dir, to);
        sim_remove(sim.f.ctl.dir);
        free(sim.f.ctl.dir);
        sim.f.ctl.dir = strdup(to);
    }
    query_close();
    old = fiber_as(SIM_CONTROLLER);
    if (controller_begin(&e) < 0)
        die("controller", &e);
    (void)fiber_as(old);
    sim.up = true;
    sim_trace("controller starts, life %d", sim.lives);
}

void
sim_controller_kill(int64_t back_in_ms)
{
    sim_trace("controller is killed, back in %lld ms", (long long)back_in_ms);
    sim.up = false;
    sim.trap.armed = false;
    sim.back_ns = fiber_now_ns() + back_in_ms * 1000000;
    net_server_gone();
    fiber_kill(SIM_CONTROLLER);
}

void
sim_controller_backup(void)
{
    char to[300];

    (void)snprintf(to, sizeof(to), "%s/backup", sim.root);
    sim_remove(to);
    sim_copy(sim.f.ctl.dir, to);
    sim.backup = true;
}

void
sim_controller_restore(int64_t back_in_ms)
{
    char from[300];

    sim_controller_kill(back_in_ms);
    query_close();
    (void)snprintf(from, sizeof(from), "%s/backup", sim.root);
    sim_remove(sim.f.ctl.dir);
    sim_copy(from, sim.f.ctl.dir);
    laws_store_goes_back();
    sim_trace("an older backup is put in the store's place");
}

/* ---- hosts ----------------------------------------------------------------------------------- */

struct sim_host *
sim_host_of(int node)
{
    return node >= SIM_FIRST_HOST && node < SIM_FIRST_HOST + SIM_HOSTS
               ? &sim.host[node - SIM_FIRST_HOST]
               : NULL;
}

static void *
host_main(void *arg)
{
    struct sim_host *h = arg;
    struct agent_options o = {.dir = h->dir, .config_file = h->config};
    struct agent *ag = calloc(1, sizeof(*ag));
    struct err e = {0};

    if (ag == NULL)
        abort();
    if (agent_open(ag, &o, &e) < 0)
        die(h->name, &e);
    (void)snprintf(ag->host.boot, sizeof(ag->host.boot), "%s", h->boot);
    h->ag = ag;
    for (;;)
        agent_wait(ag, agent_round(ag));
    return NULL;
}

void
sim_host_start(struct sim_host *h)
{
    char to[200];

    if (h->lives++ > 0) {
        (void)snprintf(to, sizeof(to), "%s/%s-%d", sim.root, h->name, h->lives);
        sim_copy(h->dir, to);
        sim_remove(h->dir);
        memcpy(h->dir, to, sizeof(to));
    }
    h->up = true;
    sim_trace("%s: agent starts, life %d", h->name, h->lives);
    fiber_go(h->node, host_main, h);
}

void
sim_host_kill(struct sim_host *h, int64_t back_in_ms)
{
    sim_trace("%s: agent is killed, back in %lld ms", h->name, (long long)back_in_ms);
    h->up = false;
    h->ag = NULL;
    h->trap.armed = false;
    h->back_ns = fiber_now_ns() + back_in_ms * 1000000;
    net_client_gone(h->node);
    fiber_kill(h->node);
}

void
sim_host_forget(struct sim_host *h)
{
    char path[300];

    (void)snprintf(path, sizeof(path), "%s/receipts", h->dir);
    sim_remove(path);
    laws_receipts_lost(h);
}

void
sim_host_reboot(struct sim_host *h, int64_t back_in_ms)
{
    struct err e = {0};

    sim_host_kill(h, back_in_ms);
    sim_trace("%s: machine is reset", h->name);
    laws_all_by_hand(h);
    if (virt_fake_reboot(h->world, &e) < 0)
        die("reboot", &e);
    random_uuid(h->boot);
    fiber_boot(h->node);
    laws_world(h);
}

void
sim_returns(void)
{
    if (!sim.up && fiber_now_ns() >= sim.back_ns)
        sim_controller_start();
    for (int i = 0; i < SIM_HOSTS; i++)
        if (!sim.host[i].up && fiber_now_ns() >= sim.host[i].back_ns)
            sim_host_start(&sim.host[i]);
}

void
sim_pass(int64_t ms)
{
    int64_t end = fiber_now_ns() + ms * 1000000;

    while (fiber_now_ns() < end) {
        int64_t left = (end - fiber_now_ns()) / 1000000 + 1;

        fiber_sleep_ms(left < 60000 ? left : 60000);
        sim_returns();
    }
}

/* ---- what every run begins with ----------------------------------------------------------------
 */

static void
enrol(struct sim_host *h, bool again)
{
    struct flow *f = &sim.f;
    struct enrol_request q = {.url = "https://127.0.0.1:1",
                              .agents_url = "https://127.0.0.1:2",
                              .name = h->name,
                              .ca_sha256 = f->ctl.c.ca_sha256,
                              .dir = h->dir,
                              .again = again};
    struct w_host_token tok;
    char file[300];

    if (FLOW_CALL(f, f->people[FLOW_PROVIDER], "POST", "/v1/hosts",
                  flow_text(f, "{\"name\":\"%s\",\"cpu_overcommit_percent\":400}", h->name),
                  host_token, &tok) < 0)
        die("host", &f->err);
    (void)snprintf(file, sizeof(file), "%s/token", sim.root);
    write_text(file, tok.token);
    q.token_file = file;
    if (enrol_run(&q, &f->err) < 0)
        die("enrol", &f->err);
    memcpy(h->id, tok.host, W_ID);
}

void
sim_host_enrol_again(struct sim_host *h)
{
    if (h->up)
        sim_host_kill(h, 0);
    enrol(h, true);
    sim_host_start(h);
}

/* Who approves elsewhere; and an administrator whose session lasts as long as the others'. */
static void
add_people(struct flow *f)
{
    struct httpc *h;
    struct w_approver v;
    struct caller who;
    char token[64];

    ctl_person(&f->ctl, "administrator", NULL, ROLE_ADMIN, &who, token);
    httpc_token(f->people[FLOW_ADMIN], token);
    ctl_person(&f->ctl, "security", NULL, ROLE_SECADMIN, &who, token);
    h = ctl_client(&f->ctl, token);
    sim.approver = signer_key(ALG_P256, &f->a);
    if (FLOW_CALL(f, h, "POST", "/v1/approvers",
                  flow_text(f,
                            "{\"request\":\"%s\",\"name\":\"elsewhere\",\"unit\":\"another "
                            "authority\",\"credential\":%s}",
                            flow_uuid(f), flow_quote(f, sim.approver.pem)),
                  approver, &v) < 0)
        die("approver", &f->err);
    httpc_free(h);
}

static void
template_main(void *arg)
{
    struct flow *f = &sim.f;
    struct controller *c = &f->ctl.c;
    struct w_policy p;
    static char *ca;

    (void)arg;
    net_init();
    flow_begin(f, ALG_P256);
    ca = strdup(c->ca_pem);
    net_ca(ca);
    if (FLOW_CALL(f, f->people[FLOW_BUREAU], "POST", "/v1/policies",
                  "{\"document\":\"{\\\"version\\\":\\\"quick-1\\\",\\\"sample_ms\\\":600000,"
                  "\\\"slot_ms\\\":600000,\\\"evaluate_ms\\\":3600000,\\\"window_ms\\\":3600000,"
                  "\\\"min_age_ms\\\":0,\\\"min_coverage_percent\\\":50,\\\"p95_cpu_below\\\":500,"
                  "\\\"peak_cpu_below\\\":1000,\\\"under_p95_cpu_below\\\":2000,"
                  "\\\"least_hold_ms\\\":1000,\\\"clock_working_days\\\":3}\"}",
                  policy, &p) < 0)
        die("policy", &f->err);
    for (int i = 0; i < SIM_HOSTS; i++) {
        struct sim_host *h = &sim.host[i];

        h->node = SIM_FIRST_HOST + i;
        (void)snprintf(h->name, sizeof(h->name), "h%d", i + 1);
        (void)snprintf(h->dir, sizeof(h->dir), "%s/%s", sim.root, h->name);
        enrol(h, false);
    }
    add_people(f);
    flow_pause(f);
    controller_free(c);
    template_end_ns = fiber_now_ns();
}

void
sim_template(const char *root)
{
    memset(&sim, 0, sizeof(sim));
    (void)snprintf(sim.root, sizeof(sim.root), "%s", root);
    fiber_init(1);
    fiber_run(template_main, NULL);
}

void
sim_host_size(struct sim_host *h, int cpus, int mem_mib, int pool_gib)
{
    char path[300], text[100];

    (void)snprintf(path, sizeof(path), "%s/host", h->world);
    (void)snprintf(text, sizeof(text), "cpus=%d mem_mib=%d pool_bytes=%lld", cpus, mem_mib,
                   (long long)pool_gib << 30);
    write_text(path, text);
    sim_trace("%s: %s", h->name, text);
}

static void
host_files(struct sim_host *h)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct err e = {0};

    (void)snprintf(h->dir, sizeof(h->dir), "%s/%s", sim.root, h->name);
    (void)snprintf(h->world, sizeof(h->world), "%s/%s-world", sim.root, h->name);
    (void)snprintf(h->pool, sizeof(h->pool), "%s/%s-pool", sim.root, h->name);
    (void)snprintf(h->config, sizeof(h->config), "%s/%s.conf", sim.root, h->name);
    strbuf_addf(&b,
                "[libvirt]\nuri = fake://%s\npool_path = %s\nimage_dir = %s/images\n"
                "serial_dir = %s/%s-serial\nstop_grace_ms = 30000\nresync_ms = 20000\n"
                "workers = 2\nstuck_max = 8\ncall_deadline_ms = 60000\n",
                h->world, h->pool, sim.root, sim.root, h->name);
    write_text(h->config, strbuf_peek(&b));
    if (durable_mkdirs(h->pool, 0755, &e) < 0 || durable_mkdirs(h->world, 0755, &e) < 0)
        die("host", &e);
    sim_host_size(h, 8, 16384, 1024);
    random_uuid(h->boot);
    fiber_boot(h->node);
}

static void
make_image(void)
{
    static char bytes[65536] = "base image";
    struct err e = {0};
    char path[300];

    digest_sha256_hex(bytes, sizeof(bytes), sim.image);
    (void)snprintf(path, sizeof(path), "%s/images", sim.root);
    if (durable_mkdirs(path, 0755, &e) < 0)
        die("images", &e);
    (void)snprintf(path, sizeof(path), "%s/images/%s.img", sim.root, sim.image);
    if (durable_write(path, bytes, sizeof(bytes), 0644, &e) < 0)
        die("image", &e);
}

/* The network of the system and two machines, granted in free shape with room to play. */
static void
first_grant(void)
{
    struct flow *f = &sim.f;
    struct w_grant *g = flow_grant(f, "2026-1");
    struct w_grant_line *l = g->lines.items;
    struct w_accepted acc;

    g->version = 2;
    g->shape = SHAPE_FREE;
    g->resources_max = 24;
    g->hold_ms = SIM_HOLD_MS;
    l[1].count = 3;
    l[1].vcpus = 4;
    l[1].mem_mib = 4096;
    (void)snprintf(l[1].image, sizeof(l[1].image), "%s", sim.image);
    l[2] = (struct w_grant_line){.line = 3,
                                 .kind = RES_VOLUME,
                                 .name = "spare",
                                 .count = 1,
                                 .disk_gib = 12,
                                 .deferred = true};
    memcpy(sim.grant, g->id, W_ID);
    if (flow_grant_add(f, g, flow_uuid(f), &acc) < 0)
        die("grant", &f->err);
    laws_acknowledged(&acc);
}

/* The machines of a grant come in its sizes; smaller ones leave room for more. */
static void
make_room(void)
{
    struct flow *f = &sim.f;
    struct query_row r[8];
    int n = query_rows("SELECT id FROM resource WHERE kind=1 ORDER BY name", r, 8);
    struct w_accepted acc;

    for (int i = 0; i < n; i++) {
        if (FLOW_CALL(f, f->people[FLOW_TENANT], "POST",
                      flow_text(f, "/v1/resources/%s:resize", r[i].col[0]),
                      flow_text(f,
                                "{\"request\":\"%s\",\"vcpus\":1,\"mem_mib\":512,"
                                "\"restart\":\"now\",\"confirm\":true}",
                                flow_uuid(f)),
                      accepted, &acc) < 0)
            die("resize", &f->err);
        laws_acknowledged(&acc);
    }
    sim_pass(60000);
}

void
sim_open(void)
{
    char to[160], dir[300];

    (void)snprintf(to, sizeof(to), "%.100s/seed-%llu", sim.root, (unsigned long long)sim.seed);
    if (mkdir(to, 0700) < 0)
        abort();
    (void)snprintf(dir, sizeof(dir), "%s/controller", to);
    sim_copy(sim.f.ctl.dir, dir);
    sim.f.ctl.dir = strdup(dir);
    for (int i = 0; i < SIM_HOSTS; i++) {
        (void)snprintf(dir, sizeof(dir), "%s/%s", to, sim.host[i].name);
        sim_copy(sim.host[i].dir, dir);
    }
    memcpy(sim.root, to, sizeof(to));
    fiber_skip_ns(template_end_ns + 1000000000);
    net_init();
    laws_begin();
    make_image();
    sim_controller_start();
    for (int i = 0; i < SIM_HOSTS; i++) {
        host_files(&sim.host[i]);
        sim_host_start(&sim.host[i]);
    }
    sim_pass(5000);
    first_grant();
    sim_pass(5000);
    make_room();
}

/* ---- what goes wrong at the places of the programs ---------------------------------------------
 */

/* net.c has the other one. */
void
httpd_reply_take(struct http_req *r, int status, const char *type, void *body, size_t len)
{
    httpd_reply(r, status, type, body, len);
    free(body);
}

enum fault_verdict __wrap_fault_at(enum fault_point p);
enum fault_verdict
__wrap_fault_at(enum fault_point p)
{
    int node = fiber_node();
    struct sim_host *h = sim_host_of(node);
    struct sim_trap *t = h != NULL ? &h->trap : &sim.trap;

    if (h != NULL && p == BY_FAULT_VIRT_AFTER)
        laws_world(h);
    if ((h == NULL && node != SIM_CONTROLLER) || !t->armed || t->at != p || t->passes-- > 0)
        return FAULT_NONE;
    t->armed = false;
    sim_trace("%s: trap at %s", h != NULL ? h->name : "controller", fault_name(p));
    if (!t->kill)
        return t->verdict;
    if (h != NULL)
        sim_host_kill(h, 1000 + (int64_t)(fiber_chance() % 30000));
    else
        sim_controller_kill(1000 + (int64_t)(fiber_chance() % 30000));
    abort(); /* the fiber that was killed does not come back */
}
