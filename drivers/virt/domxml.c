#include "drivers/virt/domxml.h"

#include <stdio.h>
#include <string.h>

#include "drivers/codec/netpart.h"
#include "drivers/virt/xmlutil.h"

void
domxml_serial(const char *id, char out[DOMXML_SERIAL])
{
    size_t n = 0, digits = 0;

    for (const char *p = id; *p != '\0'; p++)
        digits += *p != '-';
    for (; *id != '\0'; id++) /* the last 20: ids made one after another differ at their end */
        if (*id != '-' && digits-- <= 20)
            out[n++] = *id;
    out[n] = '\0';
}

void
domxml_tap(const char *mac, char out[DOMXML_TAP])
{
    size_t n = 3;

    memcpy(out, "byt", 3);
    for (; *mac != '\0' && n < DOMXML_TAP - 1; mac++)
        if (*mac != ':')
            out[n++] = *mac;
    out[n] = '\0';
}

size_t
domxml_disk_count(const struct virt_dom_spec *s)
{
    return 1 + s->vm->disks.n + (s->seed_path != NULL);
}

void
domxml_disk_part(const struct virt_dom_spec *s, size_t i, struct domxml_disk_part *out)
{
    *out = (struct domxml_disk_part){0};
    memcpy(out->target, "vda", 4);
    if (i == 0) {
        out->volume = s->vm->root_volume;
        out->path = s->root_path;
        out->format = FMT_QCOW2;
    } else if (i <= s->vm->disks.n) {
        const struct w_vm_disk *d = JM_ITEM(s->vm->disks, const struct w_vm_disk, i - 1);

        out->volume = d->volume;
        out->path = s->disk_paths[i - 1];
        out->format = (enum w_format)d->format;
        out->target[2] = (char)('a' + i);
    } else {
        out->volume = s->vm->seed_volume;
        out->path = s->seed_path;
        out->format = FMT_RAW;
        out->target[2] = 'z';
        out->readonly = true;
    }
    domxml_serial(out->volume, out->serial);
}

int
domxml_check(const struct virt_dom_spec *s, struct err *e)
{
    const struct w_vm_spec *vm = s->vm;

    if (vm->vcpus == 0 || vm->vcpus > vm->vcpus_max)
        return err_field(e, BY_E_INVALID, "vcpus", "vm %s: %u vCPUs of at most %u", vm->id,
                         vm->vcpus, vm->vcpus_max);
    if (vm->mem_mib == 0 || vm->mem_mib > vm->mem_max_mib)
        return err_field(e, BY_E_INVALID, "mem_mib", "vm %s: %llu MiB of at most %llu", vm->id,
                         (unsigned long long)vm->mem_mib, (unsigned long long)vm->mem_max_mib);
    if (vm->adopt.id[0] != '\0')
        return 0; /* its disks and cards are its own */
    if (vm->disks.n > 16 || vm->nics.n > 8)
        return err_field(e, BY_E_INVALID, "disks", "vm %s: at most 16 disks and 8 cards", vm->id);
    for (size_t i = 0; i < domxml_disk_count(s); i++) {
        struct domxml_disk_part p, other;

        domxml_disk_part(s, i, &p);
        if (p.path == NULL || p.path[0] != '/' || p.volume[0] == '\0' ||
            (p.format != FMT_QCOW2 && p.format != FMT_RAW))
            return err_field(e, BY_E_INVALID, "disks", "vm %s: disk %s has no file or format",
                             vm->id, p.target);
        for (size_t k = 0; k < i; k++) {
            domxml_disk_part(s, k, &other);
            if (strcmp(p.serial, other.serial) == 0)
                return err_field(e, BY_E_INVALID, "disks",
                                 "vm %s: disks %s and %s have ids that end alike (%s)", vm->id,
                                 other.target, p.target, p.serial);
        }
    }
    return 0;
}

static void
disk_write(struct xml_out *o, const struct virt_dom_spec *s, size_t i)
{
    struct domxml_disk_part p;

    domxml_disk_part(s, i, &p);
    xml_open(o, "disk");
    xml_attr(o, "type", "file");
    xml_attr(o, "device", "disk");
    xml_open(o, "driver");
    xml_attr(o, "name", "qemu");
    xml_attr(o, "type", w_format_names[p.format]);
    xml_attr(o, "cache", "none");
    xml_attr(o, "discard", "ignore");
    xml_close(o);
    xml_open(o, "source");
    xml_attr(o, "file", p.path);
    xml_close(o);
    xml_open(o, "target");
    xml_attr(o, "dev", p.target);
    xml_attr(o, "bus", "virtio");
    xml_close(o);
    if (p.readonly) {
        xml_open(o, "readonly");
        xml_close(o);
    }
    xml_elem(o, "serial", p.serial);
    if (i == 0) {
        xml_open(o, "boot");
        xml_attr(o, "order", "1");
        xml_close(o);
    }
    xml_close(o);
}

static void
nic_write(struct xml_out *o, const struct virt_dom_spec *s, size_t i)
{
    const struct w_nic *n = JM_ITEM(s->vm->nics, const struct w_nic, i);
    char name[W_ID + 4], tap[DOMXML_TAP];

    (void)snprintf(name, sizeof(name), "by-%s", n->network);
    domxml_tap(n->mac, tap);
    xml_open(o, "interface");
    xml_attr(o, "type", "network");
    xml_open(o, "mac");
    xml_attr(o, "address", n->mac);
    xml_close(o);
    xml_open(o, "source");
    xml_attr(o, "network", name);
    xml_close(o);
    xml_open(o, "target");
    xml_attr(o, "dev", tap);
    xml_close(o);
    xml_open(o, "model");
    xml_attr(o, "type", "virtio");
    xml_close(o);
    if ((s->segment_nics >> i & 1) != 0) { /* the guest's driver takes it as its own */
        xml_open(o, "mtu");
        xml_attr_u64(o, "size", SEGMENT_MTU);
        xml_close(o);
    }
    xml_close(o);
}

int
domxml_disk(const struct virt_dom_spec *s, size_t i, struct arena *a, const char **out,
            struct err *e)
{
    SCOPED(xml_out) struct xml_out o = {0};

    if (xml_out_init(&o, e) < 0)
        return -1;
    disk_write(&o, s, i);
    return xml_out_text(&o, a, out, e);
}

int
domxml_nic(const struct virt_dom_spec *s, size_t i, struct arena *a, const char **out,
           struct err *e)
{
    SCOPED(xml_out) struct xml_out o = {0};

    if (xml_out_init(&o, e) < 0)
        return -1;
    nic_write(&o, s, i);
    return xml_out_text(&o, a, out, e);
}

static void
size_write(struct xml_out *o, const struct w_vm_spec *vm)
{
    /* QEMU refuses slots without room to grow. */
    if (vm->mem_max_mib > vm->mem_mib) {
        xml_open(o, "maxMemory");
        xml_attr_u64(o, "slots", DOMXML_MEMORY_SLOTS);
        xml_attr(o, "unit", "KiB");
        o->failed |= xmlTextWriterWriteFormatString(o->w, "%llu",
                                                    (unsigned long long)vm->mem_max_mib << 10) < 0;
        xml_close(o);
    }
    xml_elem_u64(o, "memory", vm->mem_mib << 10); /* KiB is libvirt's default */
    xml_elem_u64(o, "currentMemory", vm->mem_mib << 10);
    xml_open(o, "vcpu");
    xml_attr(o, "placement", "static");
    xml_attr_u64(o, "current", vm->vcpus);
    o->failed |= xmlTextWriterWriteFormatString(o->w, "%u", vm->vcpus_max) < 0;
    xml_close(o);
}

static void
os_write(struct xml_out *o, const struct virt_dom_spec *s, const struct domxml_host *h)
{
    bool uefi = s->vm->firmware == FW_UEFI;

    xml_open(o, "os");
    if (uefi)
        xml_attr(o, "firmware", "efi");
    xml_open(o, "type");
    xml_attr(o, "arch", h->arch);
    xml_attr(o, "machine", h->machine);
    o->failed |= xmlTextWriterWriteString(o->w, (const xmlChar *)"hvm") < 0;
    xml_close(o);
    if (uefi) { /* a loader without secure boot: it needs no SMM and takes any kernel */
        xml_open(o, "firmware");
        xml_open(o, "feature");
        xml_attr(o, "enabled", "no");
        xml_attr(o, "name", "secure-boot");
        xml_close(o);
        xml_close(o);
    }
    xml_close(o);
    xml_open(o, "features");
    xml_open(o, "acpi");
    xml_close(o);
    if (strcmp(h->arch, "x86_64") == 0) {
        xml_open(o, "apic");
        xml_close(o);
    }
    if (h->gic != 0) {
        xml_open(o, "gic");
        xml_attr_u64(o, "version", h->gic);
        xml_close(o);
    }
    xml_close(o);
}

static void
cpu_write(struct xml_out *o, const struct w_vm_spec *vm, const struct domxml_host *h)
{
    xml_open(o, "cpu");
    if (h->cpu_mode[0] != '\0')
        xml_attr(o, "mode", h->cpu_mode);
    xml_open(o, "numa"); /* memory can be plugged in later only with one cell */
    xml_open(o, "cell");
    xml_attr(o, "id", "0");
    o->failed |= xmlTextWriterWriteFormatAttribute(o->w, (const xmlChar *)"cpus", "0-%u",
                                                   vm->vcpus_max - 1) < 0;
    xml_attr_u64(o, "memory", vm->mem_mib << 10);
    xml_attr(o, "unit", "KiB");
    xml_close(o);
    xml_close(o);
    xml_close(o);
}

static void
controllers_write(struct xml_out *o, const struct virt_dom_spec *s)
{
    /* Disks, cards, and the virtio-serial controller, random source and balloon. */
    size_t ports = domxml_disk_count(s) + s->vm->nics.n + 3 + DOMXML_SPARE_PORTS;

    xml_open(o, "controller");
    xml_attr(o, "type", "pci");
    xml_attr(o, "index", "0");
    xml_attr(o, "model", "pcie-root");
    xml_close(o);
    for (size_t i = 1; i <= ports; i++) {
        xml_open(o, "controller");
        xml_attr(o, "type", "pci");
        xml_attr_u64(o, "index", i);
        xml_attr(o, "model", "pcie-root-port");
        xml_close(o);
    }
    xml_open(o, "controller");
    xml_attr(o, "type", "usb");
    xml_attr(o, "model", "none");
    xml_close(o);
}

static void
console_write(struct xml_out *o, const char *serial_log)
{
    xml_open(o, "serial");
    xml_attr(o, "type", "pty");
    if (serial_log != NULL) {
        xml_open(o, "log");
        xml_attr(o, "file", serial_log);
        xml_attr(o, "append", "on");
        xml_close(o);
    }
    xml_open(o, "target");
    xml_attr(o, "port", "0");
    xml_close(o);
    xml_close(o);
    xml_open(o, "channel");
    xml_attr(o, "type", "unix");
    xml_open(o, "target");
    xml_attr(o, "type", "virtio");
    xml_attr(o, "name", "org.qemu.guest_agent.0");
    xml_close(o);
    xml_close(o);
}

static void
devices_write(struct xml_out *o, const struct virt_dom_spec *s, const struct domxml_host *h)
{
    xml_open(o, "devices");
    xml_elem(o, "emulator", h->emulator);
    for (size_t i = 0; i < domxml_disk_count(s); i++)
        disk_write(o, s, i);
    controllers_write(o, s);
    for (size_t i = 0; i < s->vm->nics.n; i++)
        nic_write(o, s, i);
    console_write(o, s->serial_log);
    xml_open(o, "memballoon");
    xml_attr(o, "model", "virtio");
    xml_open(o, "stats");
    xml_attr_u64(o, "period", DOMXML_BALLOON_PERIOD_S);
    xml_close(o);
    xml_close(o);
    xml_open(o, "rng");
    xml_attr(o, "model", "virtio");
    xml_open(o, "backend");
    xml_attr(o, "model", "random");
    o->failed |= xmlTextWriterWriteString(o->w, (const xmlChar *)"/dev/urandom") < 0;
    xml_close(o);
    xml_close(o);
    xml_close(o);
}

int
domxml_build(const struct virt_dom_spec *s, const struct domxml_host *h, struct arena *a,
             const char **out, struct err *e)
{
    SCOPED(xml_out) struct xml_out o = {0};
    char name[W_ID + 4];

    if (domxml_check(s, e) < 0)
        return -1;
    if (s->vm->firmware == FW_UEFI && !h->uefi)
        return err_set(e, BY_E_UNSUPPORTED,
                       "vm %s wants UEFI and this host has no loader without secure boot; install "
                       "OVMF",
                       s->vm->id);
    if (s->vm->firmware != FW_UEFI && strcmp(h->arch, "x86_64") != 0 &&
        strcmp(h->type, "test") != 0)
        return err_set(e, BY_E_UNSUPPORTED, "vm %s wants BIOS, and %s starts by UEFI only",
                       s->vm->id, h->arch);
    if (xml_out_init(&o, e) < 0)
        return -1;
    (void)snprintf(name, sizeof(name), "by-%s", s->vm->id);
    xml_open(&o, "domain");
    xml_attr(&o, "type", h->type);
    xml_elem(&o, "name", name);
    xml_elem(&o, "uuid", s->vm->id);
    xml_elem(&o, "title", s->vm->name);
    xml_mark_write(&o, &s->mark);
    size_write(&o, s->vm);
    os_write(&o, s, h);
    cpu_write(&o, s->vm, h);
    xml_open(&o, "clock");
    xml_attr(&o, "offset", "utc");
    xml_close(&o);
    xml_elem(&o, "on_poweroff", "destroy");
    xml_elem(&o, "on_reboot", "restart");
    xml_elem(&o, "on_crash", "destroy");
    devices_write(&o, s, h);
    xml_close(&o);
    if (xml_out_text(&o, a, out, e) < 0)
        return err_wrap(e, "vm %s", s->vm->id);
    return 0;
}
