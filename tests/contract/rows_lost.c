/* Rows of a daemon that hangs or dies.  They come last: what they leave has no daemon.  The
 * environment variable CONTRACT_LIBVIRTD_PID names one that may be hurt. */
#include <signal.h>
#include <string.h>

#include "drivers/base/clock.h"
#include "tests/contract/rows.h"

/* Every question about what is there, asked when nobody answers: BUSY, never "not there". */
static void
ask_all(struct contract *c, struct virt *v, const char *id)
{
    const struct virt_dom_seen *doms = NULL;
    const struct virt_vol_seen *vols = NULL;
    const struct virt_net_seen *nets = NULL;
    struct virt_dom_seen dom;
    struct virt_vol_seen vol;
    size_t n = 0;

    FAILS(v->ops->dom->get(v, id, &c->a, &dom, e), BY_E_BUSY);
    FAILS(v->ops->dom->list(v, &c->a, &doms, &n, e), BY_E_BUSY);
    FAILS(v->ops->dom->destroy(v, id, e), BY_E_BUSY);
    FAILS(v->ops->dom->undefine(v, id, e), BY_E_BUSY);
    FAILS(v->ops->vol->get(v, id, &c->a, &vol, e), BY_E_BUSY);
    FAILS(v->ops->vol->list(v, &c->a, &vols, &n, e), BY_E_BUSY);
    FAILS(v->ops->vol->remove(v, id, e), BY_E_BUSY);
    FAILS(v->ops->net->list(v, &c->a, &nets, &n, e), BY_E_BUSY);
    FAILS(v->ops->net->remove(v, id, e), BY_E_BUSY);
    FAILS(v->ops->pool->ensure(v, e), BY_E_BUSY);
    FAILS(v->ops->ping(v, e), BY_E_BUSY);
    CHECK(doms == NULL && vols == NULL && nets == NULL);
}

static struct virt *
open_again(struct contract *c)
{
    struct virt *v = NULL;

    OK(virt_open(
        &(struct virt_config){.uri = c->uri, .pool_name = "contract", .pool_path = c->pool}, &v,
        e));
    return v;
}

static pid_t
daemon_pid(void)
{
    const char *text = getenv("CONTRACT_LIBVIRTD_PID");

    return text == NULL ? 0 : (pid_t)strtol(text, NULL, 10);
}

void
lost_hangs(struct contract *c)
{
    struct virt *v = open_again(c);
    pid_t pid = daemon_pid();
    int64_t start;

    if (v == NULL || pid <= 1)
        return;
    CHECK(kill(pid, SIGSTOP) == 0);
    start = clock_mono_ms();
    FAILS(v->ops->ping(v, e), BY_E_BUSY);
    CHECK(clock_mono_ms() - start < 30000);
    CHECK(kill(pid, SIGCONT) == 0);
    ask_all(c, v, contract_id(c));
    virt_close(v);
}

void
lost_dies(struct contract *c)
{
    struct virt *v = open_again(c);
    pid_t pid = daemon_pid();

    if (v == NULL || pid <= 1)
        return;
    CHECK(kill(pid, SIGKILL) == 0);
    ask_all(c, v, contract_id(c));
    virt_close(v);
}
