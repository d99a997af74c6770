/* Rows of machines that were there, on a real libvirt: nothing but our mark changes, whatever
 * stands in their definition, and nothing is marked while a job runs. */
#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/strbuf.h"
#include "drivers/codec/adoptwire.h"
#include "drivers/virt/domfound.h"
#include "tests/contract/rows.h"

#define DISK(file, format, target)                                                                 \
    "<disk type='file' device='disk'><driver name='qemu' type='" format "'/><source file='" file   \
    "'/><target dev='" target "' bus='virtio'/></disk>"

static const struct timespec moment = {.tv_nsec = 20000000};

static void
virsh(struct contract *c, const char *words)
{
    struct err e = {0};

    if (contract_virsh(c, &e, words) < 0)
        contract_fail(c, __FILE__, __LINE__, words, &e);
}

/* # becomes the word. */
static const char *
filled(struct contract *c, const char *text, const char *word)
{
    SCOPED(strbuf) struct strbuf b = {0};

    for (; *text != '\0'; text++)
        if (*text == '#')
            strbuf_adds(&b, word);
        else
            strbuf_addc(&b, *text);
    return arena_strdup(&c->a, strbuf_peek(&b));
}

static void
remember(struct contract *c, const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    if (fd >= 0)
        close(fd);
}

/* An administrator's disk: a file beside the pool. */
static const char *
disk_make(struct contract *c, const char *name, const char *format, const char *backing)
{
    const char *path = arena_printf(&c->a, "%s/%s", c->dir, name);
    char program[] = "qemu-img";
    const char *cmd =
        arena_printf(&c->a, "%s create -q -f %s %s%s%s %s %s", program, format,
                     backing == NULL ? "" : "-F qcow2 -b ", backing == NULL ? "" : backing, "",
                     path, backing == NULL ? "16M" : "");

    OK(contract_run(c, e, cmd));
    return path;
}

/* A definition as libvirt keeps it, secrets too, without our mark: as text, byte by byte. */
static const char *
text_of(struct contract *c, const char *id, unsigned flags)
{
    virConnectPtr conn = virConnectOpen(c->uri);
    virDomainPtr d = conn == NULL ? NULL : virDomainLookupByUUIDString(conn, id);
    SCOPED(free)
    char *xml = d == NULL ? NULL : virDomainGetXMLDesc(d, flags | VIR_DOMAIN_XML_SECURE);
    static const char *const empty[] = {"  <metadata>\n  </metadata>\n", "  <metadata/>\n"};
    char *out = arena_strdup(&c->a, xml == NULL ? "" : xml), *mark, *end;

    CHECK(xml != NULL);
    mark = strstr(out, "    <by:mark");
    end = mark == NULL ? NULL : strchr(mark, '\n');
    if (end != NULL)
        memmove(mark, end + 1, strlen(end + 1) + 1);
    for (size_t i = 0; i < ARRAY_LEN(empty); i++)
        if ((mark = strstr(out, empty[i])) != NULL)
            memmove(mark, mark + strlen(empty[i]), strlen(mark + strlen(empty[i])) + 1);
    if (d != NULL)
        (void)virDomainFree(d);
    if (conn != NULL)
        (void)virConnectClose(conn);
    return out;
}

static bool
marked(struct contract *c, const char *id, bool live)
{
    const char *xml = "";

    OK(c->v->ops->dom->xml(c->v, id, live, &c->a, &xml, e));
    return strstr(xml, "urn:bianyun:mark:1") != NULL;
}

static struct virt_mark
mark_for(const char *id)
{
    struct virt_mark m = {.term = 1, .generation = 1};

    memcpy(m.order, id, sizeof(m.order));
    return m;
}

/* What a unit that claims it is told against it; "" nothing. */
static const char *
obstacle(struct contract *c, const char *id)
{
    struct virt_dom_seen seen = {0};
    const char *why;

    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    why = adopt_obstacle(NULL, seen.found, &c->a, NULL);
    return why == NULL ? "" : why;
}

static void
same(struct contract *c, const char *what, const char *before, const char *after)
{
    if (strcmp(before, after) == 0)
        return;
    contract_fail(c, __FILE__, __LINE__, what, NULL);
    remember(c, arena_printf(&c->a, "%s/before.xml", c->dir), before);
    remember(c, arena_printf(&c->a, "%s/after.xml", c->dir), after);
}

/* ---- odd definitions ----------------------------------------------------------------------- */

struct odd {
    const char *what, *metadata, *head, *devices, *tail;
    const char *against; /* words of what is said against it; NULL: it is taken over */
    bool off;            /* it cannot be started here */
    bool quick;          /* started in every run; the others with FULL=1 */
};

static const struct odd odds[] = {
    {.what = "metadata of others, and of those that only make machines",
     .metadata = "<a:note xmlns:a='urn:admin'><a:x y='1'>&lt;1&gt;</a:x></a:note>"
                 "<l:libosinfo xmlns:l='http://libosinfo.org/xmlns/libvirt/domain/1.0'>"
                 "<l:os id='http://debian.org/debian/12'/></l:libosinfo>"
                 "<c:cockpit_machines xmlns:c='https://github.com/cockpit-project/cockpit/tree/"
                 "master/pkg/machines'/>"},
    {.what = "QEMU's own command line",
     .quick = true,
     .tail = "<qemu:commandline><qemu:arg value='-no-fd-bootchk'/>"
             "<qemu:env name='BY_HAND' value='&amp;1'/></qemu:commandline>"},
    {.what = "several disks in several places, raw, a CD and an empty drive",
     .devices = DISK("#/one.qcow2", "qcow2", "vda")
         DISK("#/deep/two.img", "raw",
              "vdb") "<disk type='file' device='cdrom'><driver name='qemu' type='raw'/>"
                     "<source file='#/cd.iso'/><target dev='sda' bus='sata'/><readonly/></disk>"
                     "<disk type='file' device='cdrom'><target dev='sdb' "
                     "bus='sata'/><readonly/></disk>"},
    {.what = "a chain of backing files", .devices = DISK("#/top.qcow2", "qcow2", "vda")},
    {.what = "sizes, pins, a password, a serial number and devices of every kind",
     .quick = true,
     .head = "<title>old &amp; grey</title><description>a\nb</description>"
             "<cputune><shares>512</shares></cputune><iothreads>1</iothreads>"
             "<features><acpi/></features><clock offset='localtime'/>",
     .devices = "<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none' "
                "iothread='1'/><source file='#/deep/two.img'/><target dev='vda' bus='virtio'/>"
                "<iotune><total_iops_sec>100</total_iops_sec></iotune><serial>S 1</serial></disk>"
                "<graphics type='vnc' port='-1' autoport='yes' passwd='s3cret'/>"
                "<interface type='user'><mac address='52:54:00:0a:0b:0c'/>"
                "<model type='virtio'/></interface>"
                "<watchdog model='i6300esb' action='pause'/>"
                "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>"},
    {.what = "no balloon", .devices = "<memballoon model='none'/>"},
    {.what = "a balloon that reports every two seconds",
     .devices = "<memballoon model='virtio'><stats period='2'/></memballoon>"},
    {.what = "several NUMA cells",
     .head = "<cpu><numa><cell id='0' cpus='0' memory='65536'/>"
             "<cell id='1' cpus='1' memory='65536'/></numa></cpu>"},
    {.what = "a device of the host",
     .devices = "<hostdev mode='subsystem' type='pci' managed='yes'><source><address "
                "domain='0x0000' bus='0x06' slot='0x12' function='0x5'/></source></hostdev>",
     .against = "a device of the host",
     .off = true},
    {.what = "a card of the host",
     .devices = "<interface type='hostdev' managed='yes'><source><address type='pci' "
                "domain='0x0000' bus='0x06' slot='0x12' function='0x5'/></source></interface>",
     .against = "a device of the host",
     .off = true},
    {.what = "a disk that names pool and volume",
     .devices = "<disk type='volume' device='disk'><source pool='p' volume='v'/>"
                "<target dev='vda' bus='virtio'/></disk>",
     .against = "size of one of its disks",
     .off = true},
    {.what = "a disk that is not there",
     .devices = DISK("/nowhere/gone.img", "raw", "vda"),
     .against = "size of one of its disks",
     .off = true},
#define MANAGER(who, ns)                                                                           \
    {                                                                                              \
        .what = who, .metadata = "<m:vm xmlns:m='" ns "'/>", .against = "another manager",         \
        .off = true                                                                                \
    }
    MANAGER("OpenStack's", "http://openstack.org/xmlns/libvirt/nova/1.1"),
    MANAGER("oVirt's", "http://ovirt.org/vm/1.0"),
    MANAGER("KubeVirt's", "http://kubevirt.io"),
    MANAGER("Proxmox's", "http://proxmox.com/vm"),
    MANAGER("OpenNebula's", "http://opennebula.org/xmlns/libvirt/1.0"),
    MANAGER("CloudStack's", "http://cloudstack.apache.org/instance"),
};

static const char *
odd_xml(struct contract *c, const struct odd *o, const char *id)
{
#define OR(s) ((s) == NULL ? "" : (s))
    const char *devices = filled(c, OR(o->devices), c->dir);

    return arena_printf(
        &c->a,
        "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
        "<name>odd-%.8s</name><uuid>%s</uuid><metadata>%s</metadata>"
        "<memory unit='KiB'>131072</memory><vcpu current='1'>2</vcpu>%s"
        "<os><type arch='%s' machine='q35'>hvm</type></os><devices>%s</devices>%s</domain>",
        id, id, OR(o->metadata), OR(o->head), c->caps.arch, devices, OR(o->tail));
#undef OR
}

/* To another size and back: what is not a size stays, and nothing of the way is left. */
static void
odd_size(struct contract *c, const struct odd *o, const char *id, const char *before)
{
    struct w_vm_spec vm = {.vcpus = 2, .vcpus_max = 2, .mem_mib = 96, .mem_max_mib = 128};
    struct virt_dom_spec s = {.vm = &vm, .mark = mark_for(id)};

    memcpy(vm.id, id, sizeof(vm.id));
    memcpy(vm.adopt.id, id, sizeof(vm.adopt.id));
    s.mark.generation = 2;
    if (o->head != NULL && strstr(o->head, "cell id='1'") != NULL) {
        FAILS(c->v->ops->dom->define(c->v, &s, e), BY_E_CONFLICT);
        same(c, "left alone", before, text_of(c, id, VIR_DOMAIN_XML_INACTIVE));
        return;
    }
    OK(c->v->ops->dom->define(c->v, &s, e));
    CHECK(strcmp(before, text_of(c, id, VIR_DOMAIN_XML_INACTIVE)) != 0);
    vm.vcpus = 1;
    vm.mem_mib = 128;
    s.mark.generation = 3;
    OK(c->v->ops->dom->define(c->v, &s, e));
    same(c, "back", before, text_of(c, id, VIR_DOMAIN_XML_INACTIVE));
}

static void
odd_try(struct contract *c, const struct odd *o)
{
    const char *id = contract_id(c), *config, *live = NULL, *why;
    struct virt_mark m = mark_for(id);
    bool on = !o->off && (o->quick || getenv("FULL") != NULL);
    unsigned failed = c->failed;

    OK(contract_foreign(c, id, odd_xml(c, o, id), e));
    if (on)
        virsh(c, arena_printf(&c->a, "start %s --paused", id));
    virsh(c, arena_printf(&c->a, "autostart %s", id));
    config = text_of(c, id, VIR_DOMAIN_XML_INACTIVE);
    live = text_of(c, id, 0);
    why = obstacle(c, id);
    if (o->against == NULL) {
        CHECK(why[0] == '\0');
        OK(c->v->ops->dom->adopt(c->v, id, &m, e));
        CHECK(marked(c, id, false) && (!on || marked(c, id, true)));
    } else {
        CHECK(strstr(why, o->against) != NULL);
    }
    same(c, "definition", config, text_of(c, id, VIR_DOMAIN_XML_INACTIVE));
    same(c, "running definition", live, text_of(c, id, 0));
    if (o->against == NULL)
        odd_size(c, o, id, config);
    if (on)
        OK(c->v->ops->dom->destroy(c->v, id, e));
    contract_foreign_drop(c, id);
    if (c->failed != failed)
        fprintf(stderr, "    that was: %s (%s)\n", o->what, why);
}

void
adopt_odd(struct contract *c)
{
    const char *base, *middle;

    (void)mkdir(arena_printf(&c->a, "%s/deep", c->dir), 0700);
    (void)disk_make(c, "one.qcow2", "qcow2", NULL);
    (void)disk_make(c, "deep/two.img", "raw", NULL);
    (void)disk_make(c, "cd.iso", "raw", NULL);
    base = disk_make(c, "base.qcow2", "qcow2", NULL);
    middle = disk_make(c, "middle.qcow2", "qcow2", base);
    (void)disk_make(c, "top.qcow2", "qcow2", middle);
    for (size_t i = 0; i < ARRAY_LEN(odds); i++)
        odd_try(c, &odds[i]);
}

/* ---- snapshots, firmware, autostart, circumstances ----------------------------------------- */

static const char *
with_disk(struct contract *c, const char *file)
{
    const char *path = disk_make(c, file, "qcow2", NULL);

    return arena_printf(&c->a, DISK("%s", "qcow2", "vda"), path);
}

void
adopt_snapshots(struct contract *c)
{
    const char *id = contract_id(c), *config;
    struct virt_mark m = mark_for(id);
    struct virt_dom_seen seen = {0};

    OK(contract_foreign(c, id, contract_foreign_xml(c, id, "", with_disk(c, "snap.qcow2")), e));
    virsh(c, arena_printf(&c->a, "snapshot-create-as %s inside", id));
    virsh(c, arena_printf(
                 &c->a, "snapshot-create-as %s beside --disk-only --diskspec vda,file=%s/s2.qcow2",
                 id, c->dir));
    config = text_of(c, id, VIR_DOMAIN_XML_INACTIVE);
    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    CHECK(seen.found != NULL && seen.found->snapshots == 2);
    CHECK(strcmp(obstacle(c, id), "") == 0);
    OK(c->v->ops->dom->adopt(c->v, id, &m, e));
    same(c, "definition", config, text_of(c, id, VIR_DOMAIN_XML_INACTIVE));
    virsh(c, arena_printf(&c->a, "snapshot-info %s inside", id));
    OK(c->v->ops->dom->undefine(c->v, id, e));
}

void
adopt_uefi(struct contract *c)
{
    const char *id = contract_id(c), *config, *live;
    const char *xml =
        arena_printf(&c->a,
                     "<domain type='qemu'><name>uefi-%.8s</name><uuid>%s</uuid><memory "
                     "unit='KiB'>131072</memory><vcpu>1</vcpu><os firmware='efi'><type arch='%s' "
                     "machine='q35'>hvm</type><firmware><feature enabled='no' "
                     "name='secure-boot'/></firmware></os><features><acpi/></features>"
                     "<devices/></domain>",
                     id, id, c->caps.arch);
    struct virt_mark m = mark_for(id);
    struct virt_dom_seen seen = {0};

    if (!c->caps.uefi)
        return;
    OK(contract_foreign(c, id, xml, e));
    OK(c->v->ops->dom->start(c->v, id, e));
    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    CHECK(seen.found != NULL && seen.found->parts.firmware == FW_UEFI);
    config = text_of(c, id, VIR_DOMAIN_XML_INACTIVE);
    live = text_of(c, id, 0);
    OK(c->v->ops->dom->adopt(c->v, id, &m, e));
    same(c, "definition", config, text_of(c, id, VIR_DOMAIN_XML_INACTIVE));
    same(c, "running definition", live, text_of(c, id, 0));
    CHECK(strstr(live, "_VARS") != NULL);
    OK(c->v->ops->dom->destroy(c->v, id, e));
    OK(c->v->ops->dom->undefine(c->v, id, e));
}

static bool
autostarts(struct contract *c, const char *id)
{
    virConnectPtr conn = virConnectOpenReadOnly(c->uri);
    virDomainPtr d = conn == NULL ? NULL : virDomainLookupByUUIDString(conn, id);
    int on = -1;

    CHECK(d != NULL && virDomainGetAutostart(d, &on) == 0);
    if (d != NULL)
        (void)virDomainFree(d);
    if (conn != NULL)
        (void)virConnectClose(conn);
    return on == 1;
}

void
adopt_autostart(struct contract *c)
{
    const char *id = contract_id(c);
    struct virt_mark m = mark_for(id);

    OK(contract_foreign(c, id, contract_foreign_xml(c, id, "", ""), e));
    virsh(c, arena_printf(&c->a, "autostart %s", id));
    CHECK(autostarts(c, id));
    OK(c->v->ops->dom->adopt(c->v, id, &m, e));
    CHECK(!autostarts(c, id));
    contract_foreign_drop(c, id);
}

/* Room to plug something in. */
#define PORT "<controller type='pci' model='pcie-root-port'/>"
#define PORTS                                                                                      \
    "<controller type='pci' index='0' model='pcie-root'/>" PORT PORT PORT PORT PORT PORT PORT PORT

/* What only runs, and what only stands in the definition. */
void
adopt_unlike(struct contract *c)
{
    const char *id = contract_id(c), *disk = disk_make(c, "hot.img", "raw", NULL);
    const char *card = arena_printf(&c->a, "%s/card.xml", c->dir);
    struct virt_mark m = mark_for(id);

    OK(contract_foreign(
        c, id,
        contract_foreign_xml(c, id, "",
                             arena_printf(&c->a, "%s%s", with_disk(c, "cold.qcow2"), PORTS)),
        e));
    virsh(c, arena_printf(&c->a, "start %s", id));
    CHECK(strcmp(obstacle(c, id), "") == 0);
    virsh(c, arena_printf(&c->a, "attach-disk %s %s vdb --live", id, disk));
    CHECK(strstr(obstacle(c, id), "disks or cards") != NULL);
    virsh(c, arena_printf(&c->a, "attach-disk %s %s vdb --config", id, disk));
    CHECK(strcmp(obstacle(c, id), "") == 0);
    remember(c, card, "<interface type='user'><model type='virtio'/></interface>");
    virsh(c, arena_printf(&c->a, "attach-device %s %s --live", id, card));
    CHECK(strstr(obstacle(c, id), "disks or cards") != NULL);
    OK(c->v->ops->dom->destroy(c->v, id, e));
    virsh(c, arena_printf(&c->a, "start %s", id));
    CHECK(strcmp(obstacle(c, id), "") == 0);
    virsh(c, arena_printf(&c->a,
                          "metadata %s http://openstack.org/xmlns/libvirt/nova/1.1 --key nova "
                          "--set <instance/> --live",
                          id));
    CHECK(strstr(obstacle(c, id), "another manager") != NULL);
    virsh(c, arena_printf(&c->a, "undefine %s", id));
    FAILS(c->v->ops->dom->adopt(c->v, id, &m, e), BY_E_CONFLICT);
    OK(c->v->ops->dom->destroy(c->v, id, e));
}

void
adopt_transient(struct contract *c)
{
    const char *id = contract_id(c), *file = arena_printf(&c->a, "%s/transient.xml", c->dir), *live;
    struct virt_mark m = mark_for(id);

    remember(c, file, contract_foreign_xml(c, id, "", ""));
    virsh(c, arena_printf(&c->a, "create %s", file));
    live = text_of(c, id, 0);
    CHECK(strstr(obstacle(c, id), "no persistent definition") != NULL);
    FAILS(c->v->ops->dom->adopt(c->v, id, &m, e), BY_E_CONFLICT);
    same(c, "running definition", live, text_of(c, id, 0));
    virsh(c, arena_printf(&c->a, "define %s", file));
    OK(c->v->ops->dom->adopt(c->v, id, &m, e));
    CHECK(marked(c, id, true) && marked(c, id, false));
    OK(c->v->ops->dom->destroy(c->v, id, e));
    contract_foreign_drop(c, id);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static void
left_alone(struct contract *c, const char *id)
{
    struct virt_mark m = mark_for(id);

    FAILS(c->v->ops->dom->adopt(c->v, id, &m, e), BY_E_BUSY);
    CHECK(!marked(c, id, false) && !marked(c, id, true));
}

/* As soon as the job is over; a little of it may be left when virsh has come back. */
static void
taken_afterwards(struct contract *c, const char *id)
{
    struct virt_mark m = mark_for(id);
    struct err e = {0};
    int rc = -1;

    for (int i = 0; i < 250 && rc < 0; i++) {
        err_clear(&e);
        rc = c->v->ops->dom->adopt(c->v, id, &m, &e);
        if (rc < 0)
            (void)nanosleep(&moment, NULL);
    }
    if (rc < 0)
        contract_fail(c, __FILE__, __LINE__, "adopt when the job is over", &e);
    CHECK(marked(c, id, false));
}

void
adopt_jobs(struct contract *c)
{
    const char *bk = arena_printf(&c->a, "%s/backup.xml", c->dir);
    const struct {
        const char *begin, *end;
        bool seen; /* without asking the job itself */
    } jobs[] = {
        {arena_printf(&c->a, "blockcopy # vda %s/copy.qcow2 --transient-job", c->dir),
         "blockjob # vda --abort", true},
        {"blockcommit # vda --active", "blockjob # vda --pivot", true},
        {arena_printf(&c->a, "backup-begin # %s", bk), "domjobabort #", false},
    };
    struct virt_dom_seen seen = {0};

    remember(c, bk,
             arena_printf(&c->a,
                          "<domainbackup mode='pull'><server transport='unix' "
                          "socket='%s/nbd.sock'/><disks><disk name='vda' backup='yes' "
                          "type='file'><scratch file='%s/scratch.qcow2'/></disk></disks>"
                          "</domainbackup>",
                          c->dir, c->dir));
    for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
        const char *id = contract_id(c);

        OK(contract_foreign(c, id, contract_foreign_xml(c, id, "", with_disk(c, "job.qcow2")), e));
        OK(c->v->ops->dom->start(c->v, id, e));
        virsh(c, arena_printf(&c->a,
                              "snapshot-create-as %s x --disk-only --no-metadata --diskspec "
                              "vda,file=%s/over.qcow2",
                              id, c->dir));
        virsh(c, filled(c, jobs[i].begin, id));
        OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
        CHECK(seen.found != NULL && seen.found->job == jobs[i].seen);
        left_alone(c, id);
        virsh(c, filled(c, jobs[i].end, id));
        taken_afterwards(c, id);
        OK(c->v->ops->dom->destroy(c->v, id, e));
        contract_foreign_drop(c, id);
        (void)unlink(arena_printf(&c->a, "%s/over.qcow2", c->dir));
    }
}

/* Its memory goes into a pipe that nobody reads: the job lasts. */
static void
slow_job(struct contract *c, const char *id, const char *verb)
{
    const char *pipe_path = arena_printf(&c->a, "%s/slow", c->dir);
    struct virt_dom_seen seen = {0};
    char sink[65536];
    ssize_t got = 1;
    pid_t pid = -1;
    int fd;

    (void)unlink(pipe_path);
    CHECK(mkfifo(pipe_path, 0600) == 0);
    fd = open(pipe_path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    OK(contract_virsh_begin(c, &pid, e, arena_printf(&c->a, "%s %s %s", verb, id, pipe_path)));
    for (int i = 0; i < 250 && seen.state != VIRT_PAUSED; i++) {
        (void)nanosleep(&moment, NULL);
        OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    }
    CHECK(seen.state == VIRT_PAUSED && seen.found != NULL && seen.found->job);
    left_alone(c, id);
    (void)fcntl(fd, F_SETFL, 0);
    while (got > 0)
        got = read(fd, sink, sizeof(sink));
    OK(contract_wait(pid, e));
    close(fd);
}

void
adopt_saving(struct contract *c)
{
    const char *id = contract_id(c);
    struct virt_dom_seen seen = {0};

    OK(contract_foreign(c, id, contract_foreign_xml(c, id, "", ""), e));
    OK(c->v->ops->dom->start(c->v, id, e));
    slow_job(c, id, "dump");
    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    CHECK(seen.state == VIRT_RUNNING && strcmp(obstacle(c, id), "") == 0);
    slow_job(c, id, "save");
    OK(c->v->ops->dom->get(c->v, id, &c->a, &seen, e));
    CHECK(seen.state == VIRT_SHUTOFF && !seen.has_saved);
    taken_afterwards(c, id);
    contract_foreign_drop(c, id);
    id = contract_id(c);
    OK(contract_foreign(c, id, contract_foreign_xml(c, id, "", ""), e));
    OK(c->v->ops->dom->start(c->v, id, e));
    OK(contract_save(c, id, e));
    CHECK(strstr(obstacle(c, id), "saved to disk") != NULL);
    virsh(c, arena_printf(&c->a, "managedsave-remove %s", id));
    CHECK(strcmp(obstacle(c, id), "") == 0);
    contract_foreign_drop(c, id);
}
