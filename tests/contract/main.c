/* contract URI POOL_FOLDER SCRATCH_FOLDER [WORD]: run the rows whose name or sentence holds WORD.
 * Non-zero when one failed or none ran. */
#include <stdio.h>
#include <string.h>

#include "tests/contract/contract.h"

static const char *const can_names[] = {"guests that run",
                                        "volumes that are files",
                                        "volumes over an image",
                                        "memory figures of guests",
                                        "true counters",
                                        "fixed addresses",
                                        "metadata"};

void
contract_fail(struct contract *c, const char *file, int line, const char *what, const struct err *e)
{
    c->failed++;
    fprintf(stderr, "  %s:%d: %s%s%s\n", file, line, what, e != NULL ? ": " : "",
            e == NULL            ? ""
            : e->code != BY_E_OK ? e->msg
                                 : "it succeeded");
}

static const char *
missing(unsigned needs, unsigned can)
{
    for (size_t i = 0; i < ARRAY_LEN(can_names); i++)
        if ((needs & ~can & (1u << i)) != 0)
            return can_names[i];
    if ((needs & ~can & CONTRACT_CAN_VIRSH) != 0)
        return "QEMU that virsh reaches";
    if ((needs & ~can & CONTRACT_CAN_KILL) != 0)
        return "daemon to hurt (CONTRACT_LIBVIRTD_PID is not set)";
    return (needs & ~can) != 0 ? "guest image (CONTRACT_IMAGE is not set)" : NULL;
}

static int
row_run(struct contract *c, const struct contract_row *r)
{
    const char *lacks = missing(r->needs, c->caps.can);

    if (lacks != NULL) {
        printf("skip  %s: %s has no %s\n", r->name, c->uri, lacks);
        return 0;
    }
    c->failed = 0;
    r->run(c);
    arena_clear(&c->a);
    printf("%s  %s\n", c->failed == 0 ? "ok  " : "FAIL", r->name);
    return c->failed == 0 ? 1 : -1;
}

int
main(int argc, char **argv)
{
    struct contract c = {0};
    struct err e = {0};
    unsigned ran = 0, failed = 0, skipped = 0;

    if (argc < 4) {
        fprintf(stderr, "usage: contract URI POOL_FOLDER SCRATCH_FOLDER [WORD]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    c.uri = argv[1];
    c.pool = argv[2];
    c.dir = argv[3];
    if (virt_open(&(struct virt_config){.uri = c.uri, .pool_name = "contract", .pool_path = c.pool},
                  &c.v, &e) < 0 ||
        c.v->ops->caps(c.v, &c.caps, &e) < 0 || c.v->ops->pool->ensure(c.v, &e) < 0) {
        fprintf(stderr, "contract: %s\n", e.msg);
        virt_close(c.v);
        return 2;
    }
    if (getenv("CONTRACT_IMAGE") != NULL)
        c.caps.can |= CONTRACT_CAN_IMAGE;
    if (strncmp(c.uri, "qemu", 4) == 0)
        c.caps.can |= CONTRACT_CAN_VIRSH;
    if (getenv("CONTRACT_LIBVIRTD_PID") != NULL)
        c.caps.can |= CONTRACT_CAN_KILL;
    for (const struct contract_row *r = contract_rows; r->name != NULL; r++) {
        int rc = argc > 4 && strstr(r->name, argv[4]) == NULL ? 2 : row_run(&c, r);

        ran += rc == 1 || rc == -1;
        failed += rc == -1;
        skipped += rc == 0;
    }
    virt_close(c.v);
    printf("%s: %u rows, %u failed, %u skipped\n", c.uri, ran, failed, skipped);
    return failed != 0 || ran == 0;
}
