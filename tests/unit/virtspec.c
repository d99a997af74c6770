#include "tests/unit/virtspec.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"

void
virtspec_parts(struct virtspec *v, size_t n, size_t m)
{
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(v->disks[i].volume, W_ID, "d15c0000-0000-4000-8000-0000000001%02x",
                       (unsigned)i & 0xff);
        v->disks[i].format = i % 2 == 0 ? FMT_RAW : FMT_QCOW2;
        (void)snprintf(v->path_text[i], sizeof(v->path_text[i]), "/pool/by-%s", v->disks[i].volume);
        v->paths[i] = v->path_text[i];
    }
    for (size_t i = 0; i < m; i++) {
        memcpy(v->nics[i].network, "4e700000-0000-4000-8000-000000000001", 37);
        (void)snprintf(v->nics[i].mac, sizeof(v->nics[i].mac), "52:54:00:00:00:%02x",
                       (unsigned)i & 0xff);
        (void)snprintf(v->nics[i].ip, sizeof(v->nics[i].ip), "10.1.2.%u",
                       10 + ((unsigned)i & 0x3f));
    }
    v->vm.disks = (struct jm_list){.items = v->disks, .n = n};
    v->vm.nics = (struct jm_list){.items = v->nics, .n = m};
}

void
virtspec_init(struct virtspec *v)
{
    *v = (struct virtspec){0};
    memcpy(v->vm.id, "7a000000-0000-4000-8000-000000000001", 37);
    memcpy(v->vm.root_volume, "7a000000-0000-4000-8000-000000000002", 37);
    memcpy(v->vm.seed_volume, "7a000000-0000-4000-8000-000000000003", 37);
    memcpy(v->vm.name, "报表服务器", sizeof("报表服务器"));
    memcpy(v->vm.hostname, "report", 7);
    v->vm.vcpus = 2;
    v->vm.vcpus_max = 4;
    v->vm.mem_mib = 1024;
    v->vm.mem_max_mib = 2048;
    v->vm.firmware = FW_BIOS;
    v->s.vm = &v->vm;
    memcpy(v->s.mark.order, "0de40000-0000-4000-8000-000000000001", 37);
    v->s.mark.term = 3;
    v->s.mark.generation = 12;
    v->s.root_path = "/pool/by-7a000000-0000-4000-8000-000000000002";
    v->s.seed_path = "/pool/by-7a000000-0000-4000-8000-000000000003";
    v->s.disk_paths = v->paths;
    v->s.serial_log = "/var/log/libvirt/qemu/by-7a000000-0000-4000-8000-000000000001-serial.log";
    virtspec_parts(v, 1, 1);
}

struct domxml_host
virtspec_host(bool kvm)
{
    return (struct domxml_host){.type = kvm ? "kvm" : "qemu",
                                .arch = "x86_64",
                                .machine = "pc-q35-7.2",
                                .emulator = "/usr/bin/qemu-system-x86_64",
                                .cpu_mode = kvm ? "host-model" : "maximum",
                                .uefi = true};
}

const char *
file_text(struct arena *a, const char *path)
{
    FILE *f = fopen(path, "re");
    char *text = arena_alloc(a, 65536);
    size_t n = f == NULL ? 0 : fread(text, 1, 65535, f);

    if (f == NULL)
        return NULL;
    (void)fclose(f);
    text[n] = '\0';
    return text;
}

void
golden_text(const char *name, const char *text)
{
    struct arena a = {0};
    const char *path = arena_printf(&a, "tests/cases/virt/%s", name), *want;

    if (getenv("CASES_UPDATE") != NULL) {
        FILE *f = fopen(path, "we");

        CU_ASSERT_FATAL(f != NULL);
        CU_ASSERT(fputs(text, f) >= 0);
        CU_ASSERT(fclose(f) == 0);
    }
    want = file_text(&a, path);
    CU_ASSERT(want != NULL && strcmp(want, text) == 0);
    if (want == NULL || strcmp(want, text) != 0)
        fprintf(stderr, "\n%s differs; it is now:\n%s\n", path, text);
    arena_clear(&a);
}
