/* fake-world FOLDER COMMAND ...: do to a fake world what happens to a host, and look at it, while
 * an agent runs on it.  FOLDER is the world (without fake://).  The script of failures is a plain
 * file: see drivers/virt/virt_fake.h. */
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"
#include "drivers/virt/virt_fake.h"
#include "drivers/virt/virt_fake_dom.h"
#include "drivers/virt/virt_fake_world.h"

static int
cmd_list(const char *world, char **arg, struct err *e)
{
    static const char *const states[VIRT_STATE__MAX] = {"unknown", "running", "paused", "shutoff",
                                                        "crashed"};
    SCOPED(arena) struct arena a = {0};
    SCOPED(fd) int lock = fake_lock(world, e);
    const char *const *ids;
    struct virt_dom_seen s;
    struct fake_dom d;
    size_t n;

    (void)arg;
    if (lock < 0 || fake_names(world, "dom", ".dom", &a, &ids, &n, e) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (fake_dom_load(world, ids[i], &a, &d, e) < 0 ||
            fake_dom_see(world, ids[i], &d, &a, &s, e) < 0)
            return -1;
        printf("%s %s %s generation=%llu vcpus=%u mem_mib=%llu run=%lld\n", ids[i], states[s.state],
               s.ours ? "ours" : "foreign", (unsigned long long)s.mark.generation, s.config.vcpus,
               (unsigned long long)s.config.mem_mib, d.run);
    }
    return 0;
}

static int
cmd_crash(const char *world, char **arg, struct err *e)
{
    return virt_fake_crash(world, arg[0], e);
}

static int
cmd_pause(const char *world, char **arg, struct err *e)
{
    if (strcmp(arg[1], "person") != 0 && strcmp(arg[1], "full") != 0)
        return err_set(e, BY_E_INVALID, "'%s' is not person or full", arg[1]);
    return virt_fake_pause(world, arg[0], strcmp(arg[1], "full") == 0, e);
}

static int
cmd_reboot(const char *world, char **arg, struct err *e)
{
    (void)arg;
    return virt_fake_reboot(world, e);
}

static int
cmd_foreign(const char *world, char **arg, struct err *e)
{
    static const char *const words[] = {"off", "running", "transient"};
    SCOPED(strbuf) struct strbuf xml = {0};

    if (durable_read(arg[1], 1 << 20, &xml, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(arg[2], words[i]) == 0)
            return virt_fake_add_foreign(world, arg[0], strbuf_peek(&xml),
                                         (enum virt_fake_foreign)i, e);
    return err_set(e, BY_E_INVALID, "'%s' is not off, running or transient", arg[2]);
}

static int
cmd_element(const char *world, char **arg, struct err *e)
{
    return virt_fake_add_element(world, arg[0], arg[1], e);
}

static int
cmd_save(const char *world, char **arg, struct err *e)
{
    return virt_fake_save(world, arg[0], arg[1], strlen(arg[1]), e);
}

static int
cmd_load(const char *world, char **arg, struct err *e)
{
    return virt_fake_load(world, arg[0], arg[1], e);
}

static int
cmd_calls(const char *world, char **arg, struct err *e)
{
    unsigned long long n;

    if (virt_fake_calls(world, arg[0], &n, e) < 0)
        return -1;
    printf("%llu\n", n);
    return 0;
}

static const struct {
    const char *name, *help;
    int args;
    int (*run)(const char *world, char **arg, struct err *e);
} commands[] = {
    {"calls", "OP                    how often it was called", 1, cmd_calls},
    {"crash", "ID                    the guest's process dies", 1, cmd_crash},
    {"element", "ID XML              put an unknown device into a definition", 2, cmd_element},
    {"foreign", "ID FILE off|running|transient  a domain that somebody else defined", 3,
     cmd_foreign},
    {"list", "                      domains, one a line", 0, cmd_list},
    {"load", "ID|default WORDS       e.g. 'cpu=800 tx=1000 mem=70'", 2, cmd_load},
    {"pause", "ID person|full        the guest stands still, by a person or on a full pool", 2,
     cmd_pause},
    {"reboot", "                    the machine is reset", 0, cmd_reboot},
    {"save", "ID TEXT                memory saved to disk, with this text in it", 2, cmd_save},
};

int
main(int argc, char **argv)
{
    struct err e = {0};

    for (size_t i = 0; argc >= 3 && i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[2], commands[i].name) != 0 || argc - 3 != commands[i].args)
            continue;
        if (commands[i].run(argv[1], argv + 3, &e) == 0)
            return 0;
        fprintf(stderr, "fake-world: %s\n", e.msg);
        return err_exit_status(e.code);
    }
    fprintf(stderr, "usage: fake-world FOLDER COMMAND, one of:\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(stderr, "  %s %s\n", commands[i].name, commands[i].help);
    return 2;
}
