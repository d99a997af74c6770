/* The hypervisor's calls take time, fail, hang and lose their answers, by chance. */
#include "drivers/virt/virt_fake_world.h"
#include "tests/seeds/fiber.h"
#include "tests/seeds/sim.h"

int __real_fake_enter(struct virt *v, const char *op, const char *id, int flags,
                      struct fake_call *c, struct err *e);
int __wrap_fake_enter(struct virt *v, const char *op, const char *id, int flags,
                      struct fake_call *c, struct err *e);

static bool
happens(int in_1000)
{
    return in_1000 > 0 && (int)(fiber_chance() % 1000) < in_1000;
}

int
__wrap_fake_enter(struct virt *v, const char *op, const char *id, int flags, struct fake_call *c,
                  struct err *e)
{
    const struct sim_host *h = sim_host_of(fiber_node());

    if (h == NULL)
        return __real_fake_enter(v, op, id, flags, c, e);
    if (happens(h->slow))
        fiber_sleep_ms((int64_t)(fiber_chance() % 8000));
    else
        fiber_sleep_ms(1 + (int64_t)(fiber_chance() % 5));
    if (happens(h->hang)) {
        sim_trace("%s: %s hangs", h->name, op);
        fiber_sleep_ms(15000 + (int64_t)(fiber_chance() % 120000));
    }
    if (happens(h->fail))
        return err_set(e, fiber_chance() % 3 == 0 ? BY_E_BUSY : BY_E_IO, "%s fails, by chance", op);
    if (__real_fake_enter(v, op, id, flags, c, e) < 0)
        return -1;
    c->lose = happens(h->lose);
    return 0;
}
