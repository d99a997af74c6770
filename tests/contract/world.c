/* The means of an administrator, and the making of specs. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <uuid/uuid.h>

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "drivers/base/scope.h"
#include "drivers/virt/virt_fake.h"
#include "tests/contract/contract.h"

extern char **environ;

static bool
is_fake(const struct contract *c)
{
    return strncmp(c->uri, "fake://", 7) == 0;
}

const char *
contract_id(struct contract *c)
{
    uuid_t u;
    char text[37];

    uuid_generate_random(u);
    uuid_unparse_lower(u, text);
    return arena_strdup(&c->a, text);
}

static void
id_put(struct contract *c, char out[W_ID])
{
    memcpy(out, contract_id(c), 37);
}

/* Path of a volume that was made, or of none where there are no files. */
static const char *
volume(struct contract *c, const char *id, enum w_format format)
{
    struct virt_vol_spec s = {.format = format, .size_bytes = 1 << 20};
    struct virt_vol_seen seen = {0};

    memcpy(s.id, id, sizeof(s.id));
    if ((c->caps.can & VIRT_CAN_VOLUMES) == 0)
        return arena_printf(&c->a, "%s/by-%s", c->pool, id);
    OK(c->v->ops->vol->create(c->v, &s, e));
    OK(c->v->ops->vol->get(c->v, id, &c->a, &seen, e));
    return seen.path == NULL ? "/nowhere" : seen.path;
}

struct virt_dom_spec *
contract_vm(struct contract *c)
{
    struct virt_dom_spec *s = arena_alloc(&c->a, sizeof(*s));
    struct w_vm_spec *vm = arena_alloc(&c->a, sizeof(*vm));

    id_put(c, vm->id);
    id_put(c, vm->root_volume);
    id_put(c, vm->seed_volume);
    memcpy(vm->name, "contract", 9);
    memcpy(vm->hostname, "contract", 9);
    vm->vcpus = 1;
    vm->vcpus_max = 2;
    vm->mem_mib = 128;
    vm->mem_max_mib = 256;
    vm->firmware = FW_BIOS;
    vm->root_bytes = 1 << 20;
    s->vm = vm;
    id_put(c, s->mark.order);
    s->mark.term = 1;
    s->mark.generation = 1;
    s->root_path = volume(c, vm->root_volume, FMT_QCOW2);
    s->seed_path = volume(c, vm->seed_volume, FMT_RAW);
    s->serial_log = arena_printf(&c->a, "%s/%s.log", c->dir, vm->id);
    return s;
}

struct virt_net_spec *
contract_net(struct contract *c)
{
    static unsigned n; /* another range for each */
    struct virt_net_spec *s = arena_alloc(&c->a, sizeof(*s));
    struct w_network_spec *net = arena_alloc(&c->a, sizeof(*net));

    id_put(c, net->id);
    memcpy(net->name, "contract", 9);
    (void)snprintf(net->bridge, sizeof(net->bridge), "by%.8s%.4s", net->id, net->id + 9);
    (void)snprintf(net->cidr, sizeof(net->cidr), "10.231.%u.0/24", n++ % 250);
    s->net = net;
    id_put(c, s->mark.order);
    s->mark.term = 1;
    s->mark.generation = 1;
    return s;
}

void
contract_vm_drop(struct contract *c, const struct virt_dom_spec *s)
{
    const struct virt_ops *o = c->v->ops;

    OK(o->dom->destroy(c->v, s->vm->id, e));
    OK(o->dom->undefine(c->v, s->vm->id, e));
    if ((c->caps.can & VIRT_CAN_VOLUMES) == 0)
        return;
    OK(o->vol->remove(c->v, s->vm->root_volume, e));
    OK(o->vol->remove(c->v, s->vm->seed_volume, e));
    for (size_t i = 0; i < s->vm->disks.n; i++)
        OK(o->vol->remove(c->v, JM_ITEM(s->vm->disks, struct w_vm_disk, i)->volume, e));
}

void
contract_validate(struct contract *c, const char *xml, const char *kind)
{
    char path[4096];
    char program[] = "virt-xml-validate";
    char *const argv[] = {program, path, arena_strdup(&c->a, kind), NULL};
    posix_spawn_file_actions_t fa;
    int status = -1, fd;
    pid_t pid;

    (void)snprintf(path, sizeof(path), "%s/validate.xml", c->dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, xml, strlen(xml)) != (ssize_t)strlen(xml))
        contract_fail(c, __FILE__, __LINE__, "write validate.xml", NULL);
    if (fd >= 0)
        close(fd);
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&fa, 2, "/dev/null", O_WRONLY, 0); /* "validates", too */
    if (posix_spawnp(&pid, argv[0], &fa, NULL, argv, environ) == 0)
        (void)waitpid(pid, &status, 0);
    posix_spawn_file_actions_destroy(&fa);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fprintf(stderr, "%s\n", xml);
    (void)unlink(path);
}

/* ---- the administrator --------------------------------------------------------------------- */

const char *
contract_foreign_xml(struct contract *c, const char *id, const char *metadata, const char *devices)
{
    bool is_test = strncmp(c->uri, "test:", 5) == 0;

    return arena_printf(&c->a,
                        "<domain type='%s'><name>admin-%s</name><uuid>%s</uuid>"
                        "<metadata>%s</metadata><memory unit='KiB'>131072</memory>"
                        "<vcpu>1</vcpu><os><type arch='%s'%s>hvm</type></os>"
                        "<devices>%s</devices></domain>",
                        is_test ? "test" : "qemu", id, id, metadata,
                        is_test ? "i686" : c->caps.arch, is_test ? "" : " machine='q35'", devices);
}

static int
libvirt_define(struct contract *c, const char *xml, struct err *e)
{
    virConnectPtr conn = virConnectOpen(c->uri);
    virDomainPtr d = conn == NULL ? NULL : virDomainDefineXML(conn, xml);
    int rc = d != NULL ? 0 : err_set(e, BY_E_IO, "%s", virGetLastErrorMessage());

    if (d != NULL)
        (void)virDomainFree(d);
    if (conn != NULL)
        (void)virConnectClose(conn);
    return rc;
}

int
contract_foreign(struct contract *c, const char *id, const char *xml, struct err *e)
{
    if (is_fake(c))
        return virt_fake_add_foreign(c->uri + 7, id, xml, false, e);
    return libvirt_define(c, xml, e);
}

int
contract_add_element(struct contract *c, const char *id, const char *element, struct err *e)
{
    const char *xml, *end;

    if (is_fake(c))
        return virt_fake_add_element(c->uri + 7, id, element, e);
    if (c->v->ops->dom->xml(c->v, id, false, &c->a, &xml, e) < 0)
        return -1;
    end = strstr(xml, "</devices>");
    if (end == NULL)
        return err_set(e, BY_E_INVALID, "no devices");
    return libvirt_define(c, arena_printf(&c->a, "%.*s%s%s", (int)(end - xml), xml, element, end),
                          e);
}

int
contract_pause(struct contract *c, const char *id, struct err *e)
{
    virConnectPtr conn;
    virDomainPtr d;
    int rc;

    if (is_fake(c))
        return virt_fake_pause(c->uri + 7, id, false, e);
    conn = virConnectOpen(c->uri);
    d = conn == NULL ? NULL : virDomainLookupByUUIDString(conn, id);
    rc = d != NULL && virDomainSuspend(d) == 0
             ? 0
             : err_set(e, BY_E_IO, "%s", virGetLastErrorMessage());
    if (d != NULL)
        (void)virDomainFree(d);
    if (conn != NULL)
        (void)virConnectClose(conn);
    return rc;
}

enum { WORDS_MAX = 28 };

static int
begin(struct contract *c, pid_t *pid, struct err *e, const char *words)
{
    char *argv[WORDS_MAX + 1], *save = NULL, *text = arena_strdup(&c->a, words);
    posix_spawn_file_actions_t fa;
    size_t n = 0;
    int rc;

    for (char *w = strtok_r(text, " ", &save); w != NULL && n < WORDS_MAX;
         w = strtok_r(NULL, " ", &save))
        argv[n++] = w;
    argv[n] = NULL;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
    rc = posix_spawnp(pid, argv[0], &fa, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&fa);
    return rc == 0 ? 0 : err_set(e, BY_E_IO, "%s: %s", argv[0], strerror(rc));
}

int
contract_run(struct contract *c, struct err *e, const char *words)
{
    pid_t pid;

    return begin(c, &pid, e, words) < 0 ? -1 : contract_wait(pid, e);
}

int
contract_virsh_begin(struct contract *c, pid_t *pid, struct err *e, const char *words)
{
    return begin(c, pid, e, arena_printf(&c->a, "virsh -q -c %s %s", c->uri, words));
}

int
contract_wait(pid_t pid, struct err *e)
{
    int status = -1;

    if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return err_set(e, BY_E_IO, "it ended with %d", status);
}

int
contract_virsh(struct contract *c, struct err *e, const char *words)
{
    pid_t pid;

    return contract_virsh_begin(c, &pid, e, words) < 0 ? -1 : contract_wait(pid, e);
}

int
contract_save(struct contract *c, const char *id, struct err *e)
{
    virConnectPtr conn;
    virDomainPtr d;
    int rc;

    if (is_fake(c))
        return virt_fake_save(c->uri + 7, id, "memory", 6, e);
    conn = virConnectOpen(c->uri);
    d = conn == NULL ? NULL : virDomainLookupByUUIDString(conn, id);
    rc = d != NULL && virDomainManagedSave(d, 0) == 0
             ? 0
             : err_set(e, BY_E_IO, "%s", virGetLastErrorMessage());
    if (d != NULL)
        (void)virDomainFree(d);
    if (conn != NULL)
        (void)virConnectClose(conn);
    return rc;
}

void
contract_foreign_drop(struct contract *c, const char *id)
{
    virConnectPtr conn;
    virDomainPtr d;

    if (is_fake(c)) {
        OK(c->v->ops->dom->undefine(c->v, id, e));
        return;
    }
    conn = virConnectOpen(c->uri);
    d = conn == NULL ? NULL : virDomainLookupByUUIDString(conn, id);
    CHECK(d != NULL && virDomainUndefine(d) == 0);
    if (d != NULL)
        (void)virDomainFree(d);
    if (conn != NULL)
        (void)virConnectClose(conn);
}
