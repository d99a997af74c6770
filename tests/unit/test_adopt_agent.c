/* Machines that were there, on the host's side: taken over as they are, or left alone. */
#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/codec/adoptwire.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/durable.h"
#include "drivers/virt/virt_fake.h"
#include "tests/unit/agenthost.h"

#define OLD "deadbeef-0000-4000-8000-000000000001"
#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

struct old {
    struct agenthost h;
    char disk[400];
};

static const char *
old_xml(struct old *o, const char *id, const char *metadata, const char *devices)
{
    return arena_printf(&o->h.m.a,
                        "<domain type='qemu'>\n  <name>old-web</name>\n  <uuid>%s</uuid>\n"
                        "  <metadata>\n    <a:note xmlns:a=\"urn:admin\"><a:x>1</a:x></a:note>%s\n"
                        "  </metadata>\n  <memory unit='KiB'>524288</memory>\n"
                        "  <vcpu current='1'>2</vcpu>\n"
                        "  <os><type arch='x86_64' machine='q35'>hvm</type></os>\n  <devices>\n"
                        "    <disk type='file' device='disk'><driver name='qemu' type='raw'/>"
                        "<source file='%s'/><target dev='vda' bus='virtio'/></disk>\n"
                        "    <interface type='bridge'><mac address='52:54:00:0a:0b:0c'/>"
                        "<source bridge='br-admin'/></interface>\n"
                        "    <watchdog model='i6300esb' action='pause'/>%s\n  </devices>\n"
                        "</domain>",
                        id, metadata, o->disk, devices);
}

static void
old_new(struct old *o, enum virt_fake_foreign how, const char *metadata, const char *devices)
{
    struct err e = {0};

    agenthost_new(&o->h, NULL);
    (void)snprintf(o->disk, sizeof(o->disk), "%s/old.img", o->h.tmp);
    OK(durable_write(o->disk, "0123456789abcdef", 16, 0600, &e));
    OK(truncate(o->disk, 1 << 20));
    agenthost_start(&o->h);
    CU_ASSERT_TRUE(agenthost_settle(&o->h)); /* its world is made */
    OK(virt_fake_add_foreign(o->h.world, OLD, old_xml(o, OLD, metadata, devices), how, &e));
    CU_ASSERT_TRUE(agenthost_settle(&o->h));
}

static const struct virt_dom_seen *
seen(struct old *o)
{
    return world_dom(o->h.ag.world, OLD);
}

/* The world's memory goes with its next reading. */
static void
keep(struct mill *m, struct w_adoption *p)
{
    struct w_found_disk *d = arena_alloc(&m->a, (p->disks.n + 1) * sizeof(*d));
    struct w_found_nic *n = arena_alloc(&m->a, (p->nics.n + 1) * sizeof(*n));

    memcpy(d, p->disks.items, p->disks.n * sizeof(*d));
    memcpy(n, p->nics.items, p->nics.n * sizeof(*n));
    for (size_t i = 0; i < p->disks.n; i++)
        d[i].path = d[i].path == NULL ? NULL : arena_strdup(&m->a, d[i].path);
    p->disks.items = d;
    p->nics.items = n;
}

/* The bureau's grant and the controller's order for it as it was found. */
static void
confirm(struct old *o, struct w_order *order, int wanted)
{
    struct mill *m = &o->h.m;
    struct w_grant_line *l = arena_alloc(&m->a, sizeof(*l));

    CU_ASSERT_PTR_NOT_NULL_FATAL(seen(o));
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen(o)->found);
    l->line = 1;
    l->kind = RES_VM;
    l->count = 1;
    (void)snprintf(l->name, sizeof(l->name), "old-web");
    l->adopt = seen(o)->found->parts;
    keep(m, &l->adopt);
    memcpy(l->adopt.host, m->host, sizeof(l->adopt.host));
    l->vcpus = l->adopt.vcpus;
    l->mem_mib = l->adopt.mem_mib;
    l->disk_gib = 1;
    m->grant.version = 3;
    m->grant.lines = (struct jm_list){l, 1};
    m->grant_text = mill_sign_grant(m, m->bureau, &m->grant);
    mill_vm_order(m, order);
    memcpy(order->resource, OLD, sizeof(OLD));
    order->version = 2;
    order->line = 1;
    order->verb = VERB_ADOPT;
    order->wanted = wanted;
    order->vm = (struct w_vm_spec){.vcpus = l->vcpus,
                                   .vcpus_max = l->adopt.vcpus_max,
                                   .mem_mib = l->mem_mib,
                                   .mem_max_mib = l->adopt.mem_max_mib,
                                   .firmware = l->adopt.firmware,
                                   .root_bytes = adopt_disk_bytes(&l->adopt)};
    memcpy(order->vm.id, OLD, sizeof(OLD));
    (void)snprintf(order->vm.name, sizeof(order->vm.name), "old-web");
    (void)snprintf(order->vm.hostname, sizeof(order->vm.hostname), "old-web");
    order->vm.adopt = l->adopt;
}

static void
give(struct old *o, const struct w_order *order)
{
    struct w_desired_answer in;
    const char *text = mill_sign_order(&o->h.m, o->h.m.controller, order);

    mill_answer(&o->h.m, &text, 1, &in);
    agenthost_give(&o->h, &in);
}

static unsigned long long
calls(struct old *o, const char *op)
{
    unsigned long long n = 0;
    struct err e = {0};

    OK(virt_fake_calls(o->h.world, op, &n, &e));
    return n;
}

static enum w_seen
now(struct old *o, char *why, size_t size)
{
    bool equal;

    CU_ASSERT_TRUE(agenthost_settle(&o->h));
    return agenthost_seen(&o->h, OLD, &equal, why, size);
}

static void
lists_a_machine_in_detail(void)
{
    struct old o;
    const struct w_found *f;

    old_new(&o, VIRT_FAKE_RUNNING, "",
            "<hostdev mode='subsystem' type='pci'><source><address domain='0x0000' bus='0x06' "
            "slot='0x12' function='0x5'/></source></hostdev><memballoon model='virtio'/>");
    f = seen(&o)->found;
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT_STRING_EQUAL(f->parts.name, "old-web");
    CU_ASSERT(f->parts.vcpus == 1 && f->parts.vcpus_max == 2 && f->parts.mem_mib == 512);
    CU_ASSERT_EQUAL_FATAL(f->parts.disks.n, 1);
    CU_ASSERT_EQUAL(JM_ITEM(f->parts.disks, struct w_found_disk, 0)->bytes, 1 << 20);
    CU_ASSERT_STRING_EQUAL(JM_ITEM(f->parts.nics, struct w_found_nic, 0)->source, "br-admin");
    CU_ASSERT_STRING_EQUAL(f->host_devices, "pci 0x0000:0x06:0x12.0x5");
    CU_ASSERT_STRING_EQUAL(f->metadata, "urn:admin");
    CU_ASSERT_STRING_EQUAL(f->state, "running");
    CU_ASSERT_STRING_EQUAL(f->owner, "");
    CU_ASSERT(f->balloon && !f->transient && !f->job && !f->saved && !f->unequal);
    CU_ASSERT_EQUAL(strlen(f->xml_sha256), 64);
    agenthost_free(&o.h);
}

static const char *
config_of(struct old *o)
{
    char path[500];
    SCOPED(strbuf) struct strbuf b = {0};
    struct err e = {0};

    (void)snprintf(path, sizeof(path), "%s/dom/%s.dom", o->h.world, OLD);
    OK(durable_read(path, 1 << 20, &b, &e));
    return arena_strdup(&o->h.m.a, strbuf_peek(&b));
}

static void
takes_a_running_machine_over_as_it_is(void)
{
    struct old o;
    struct w_order order;
    char sum[W_HASH];

    old_new(&o, VIRT_FAKE_RUNNING, "", "");
    memcpy(sum, seen(&o)->found->xml_sha256, sizeof(sum));
    confirm(&o, &order, WANT_RUNNING);
    give(&o, &order);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_RUNNING));
    CU_ASSERT_EQUAL(calls(&o, "dom.adopt"), 1);
    CU_ASSERT_EQUAL(calls(&o, "dom.define") + calls(&o, "dom.start") + calls(&o, "dom.shutdown") +
                        calls(&o, "dom.destroy"),
                    0);
    CU_ASSERT_PTR_NOT_NULL(strstr(config_of(&o), "urn:bianyun:mark:1"));
    CU_ASSERT_PTR_NOT_NULL(strstr(config_of(&o), "i6300esb"));
    CU_ASSERT_PTR_NOT_NULL(strstr(config_of(&o), "urn:admin"));
    CU_ASSERT_TRUE(seen(&o)->ours && seen(&o)->found == NULL);
    give(&o, &order); /* again: nothing more is done */
    CU_ASSERT_TRUE(agenthost_settle(&o.h));
    CU_ASSERT_EQUAL(calls(&o, "dom.adopt"), 1);
    agenthost_free(&o.h);
}

static void
next(struct old *o, struct w_order *order, int verb, int wanted)
{
    order->generation++;
    order->verb = verb;
    order->wanted = wanted;
    order->authority = AUTH_UNIT;
    memcpy(order->authority_id, o->h.m.grant.approver, sizeof(order->authority_id));
    random_uuid(order->id);
    give(o, order);
}

static void
stops_starts_bins_and_erases_it_afterwards(void)
{
    struct old o;
    struct w_order order;
    const struct receipt *t;

    old_new(&o, VIRT_FAKE_RUNNING, "", "");
    confirm(&o, &order, WANT_RUNNING);
    o.h.m.grant.hold_ms = 0;
    o.h.m.grant_text = mill_sign_grant(&o.h.m, o.h.m.bureau, &o.h.m.grant);
    give(&o, &order);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_RUNNING));
    next(&o, &order, VERB_POWER, WANT_STOPPED);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_STOPPED));
    next(&o, &order, VERB_POWER, WANT_RUNNING);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_RUNNING));
    next(&o, &order, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_BINNED));
    next(&o, &order, VERB_RESTORE, WANT_RUNNING);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_RUNNING));
    next(&o, &order, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_BINNED));
    next(&o, &order, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_ABSENT));
    CU_ASSERT_NOT_EQUAL(access(o.disk, F_OK), 0);
    t = receipts_find(o.h.ag.receipts, OLD);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CU_ASSERT_PTR_NOT_NULL(strstr(t->facts.erasure, "own disk"));
    agenthost_free(&o.h);
}

static void
leaves_alone(const char *what, enum virt_fake_foreign how, const char *metadata, const char *load,
             const char *words)
{
    struct old o;
    struct w_order order;
    struct err e = {0};
    char why[600];

    old_new(&o, how, metadata, "");
    confirm(&o, &order, how == VIRT_FAKE_OFF ? WANT_STOPPED : WANT_RUNNING);
    if (load != NULL)
        OK(virt_fake_load(o.h.world, OLD, load, &e));
    give(&o, &order);
    CU_ASSERT_EQUAL(now(&o, why, sizeof(why)), SEEN_FOREIGN);
    if (strstr(why, words) == NULL) {
        fprintf(stderr, "\n%s: '%s' does not say '%s'\n", what, why, words);
        CU_FAIL("another reason");
    }
    CU_ASSERT_EQUAL(calls(&o, "dom.adopt"), 0);
    agenthost_free(&o.h);
}

static void
leaves_what_may_not_be_taken_over(void)
{
    leaves_alone("nova", VIRT_FAKE_RUNNING,
                 "<nova:instance xmlns:nova='http://openstack.org/xmlns/libvirt/nova/1.1'/>", NULL,
                 "another manager");
    leaves_alone("transient", VIRT_FAKE_TRANSIENT, "", NULL, "no persistent definition");
    leaves_alone("job", VIRT_FAKE_RUNNING, "", "job=1", "migration");
}

static void
waits_until_a_job_has_ended(void)
{
    struct old o;
    struct w_order order;
    struct err e = {0};
    char why[600];

    old_new(&o, VIRT_FAKE_RUNNING, "", "");
    confirm(&o, &order, WANT_RUNNING);
    OK(virt_fake_load(o.h.world, OLD, "job=1", &e));
    give(&o, &order);
    CU_ASSERT_EQUAL(now(&o, why, sizeof(why)), SEEN_FOREIGN);
    OK(virt_fake_load(o.h.world, OLD, "job=0", &e));
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_RUNNING));
    agenthost_free(&o.h);
}

static void
leaves_a_machine_that_changed_since_it_was_claimed(void)
{
    struct old o;
    struct w_order order;
    char why[600];

    old_new(&o, VIRT_FAKE_RUNNING, "", "");
    confirm(&o, &order, WANT_RUNNING);
    OK(truncate(o.disk, 2 << 20));
    give(&o, &order);
    CU_ASSERT_EQUAL(now(&o, why, sizeof(why)), SEEN_FOREIGN);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "1048576 then, 2097152 now"));
    CU_ASSERT_EQUAL(calls(&o, "dom.adopt"), 0);
    agenthost_free(&o.h);
}

/* Between reading and marking: it is looked at once more. */
static void
looks_once_more_before_it_marks(void)
{
    struct old o;
    struct w_order order;
    struct err e = {0};
    char script[500];

    old_new(&o, VIRT_FAKE_RUNNING, "", "");
    confirm(&o, &order, WANT_RUNNING);
    (void)snprintf(script, sizeof(script), "%s/script", o.h.world);
    OK(durable_write(script, "dom.adopt 1 lose\n", 17, 0600, &e));
    give(&o, &order);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_RUNNING)); /* the lost answer costs nothing */
    CU_ASSERT_EQUAL(calls(&o, "dom.adopt"), 1);
    agenthost_free(&o.h);
}

static void
never_starts_or_stops_to_take_over(void)
{
    struct old o;
    struct w_order order;
    char why[600];

    old_new(&o, VIRT_FAKE_OFF, "", "");
    confirm(&o, &order, WANT_RUNNING);
    give(&o, &order);
    CU_ASSERT_EQUAL(now(&o, why, sizeof(why)), SEEN_FOREIGN);
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "start it by hand"));
    CU_ASSERT_EQUAL(calls(&o, "dom.start") + calls(&o, "dom.adopt"), 0);
    agenthost_free(&o.h);
    old_new(&o, VIRT_FAKE_OFF, "", "");
    confirm(&o, &order, WANT_STOPPED);
    give(&o, &order);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_STOPPED));
    CU_ASSERT_EQUAL(calls(&o, "dom.start"), 0);
    agenthost_free(&o.h);
}

/* Another machine has the file as its backing image: the certificate says so, the bytes stay. */
static void
never_overwrites_what_another_machine_uses(void)
{
    struct old o;
    struct w_order order;
    struct err e = {0};
    static const char second[] = "deadbeef-0000-4000-8000-000000000002";
    const struct receipt *t;

    old_new(&o, VIRT_FAKE_OFF, "", "");
    OK(virt_fake_add_foreign(o.h.world, second, old_xml(&o, second, "", ""), VIRT_FAKE_OFF, &e));
    CU_ASSERT_TRUE(agenthost_settle(&o.h));
    confirm(&o, &order, WANT_STOPPED);
    o.h.m.grant.hold_ms = 0;
    o.h.m.grant_text = mill_sign_grant(&o.h.m, o.h.m.bureau, &o.h.m.grant);
    give(&o, &order);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_STOPPED));
    next(&o, &order, VERB_BIN, WANT_BINNED);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_BINNED));
    next(&o, &order, VERB_ERASE, WANT_ABSENT);
    CU_ASSERT_TRUE(agenthost_until(&o.h, OLD, SEEN_ABSENT));
    CU_ASSERT_EQUAL(access(o.disk, F_OK), 0);
    t = receipts_find(o.h.ag.receipts, OLD);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CU_ASSERT_PTR_NOT_NULL(strstr(t->facts.erasure, "another machine uses it"));
    agenthost_free(&o.h);
}

CU_TestInfo adopt_agent_tests[] = {
    {"lists a machine in detail", lists_a_machine_in_detail},
    {"takes a running machine over as it is", takes_a_running_machine_over_as_it_is},
    {"stops, starts, bins and erases it afterwards", stops_starts_bins_and_erases_it_afterwards},
    {"leaves what may not be taken over", leaves_what_may_not_be_taken_over},
    {"waits until a job has ended", waits_until_a_job_has_ended},
    {"leaves a machine that changed since it was claimed",
     leaves_a_machine_that_changed_since_it_was_claimed},
    {"looks once more before it marks", looks_once_more_before_it_marks},
    {"never starts or stops to take over", never_starts_or_stops_to_take_over},
    {"never overwrites what another machine uses", never_overwrites_what_another_machine_uses},
    CU_TEST_INFO_NULL,
};
