#include "policies/adopt.h"

#include <string.h>

#include "policies/text.h"

enum { VCPUS_MAX = 512, MEM_MIN_MIB = 64 };

static const char *
say(const char *s)
{
    return s == NULL ? "" : s;
}

static bool
alike(const char *a, const char *b)
{
    return strcmp(say(a), say(b)) == 0;
}

/* by-<uuid>: what a domain, or a volume's file, of ours is called. */
static bool
is_name_of_ours(const char *name)
{
    static const char form[] = "by-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    size_t i;

    for (i = 0; form[i] != '\0'; i++)
        if (form[i] == 'x' ? name[i] == '\0' || strchr("0123456789abcdef", name[i]) == NULL
                           : name[i] != form[i])
            return false;
    return name[i] == '\0';
}

static const char *
base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

static enum ad_reason
judge_disks(const struct ad_parts *p)
{
    for (size_t i = 0; i < p->n_disks; i++) {
        if (is_name_of_ours(base_name(say(p->disks[i].path))) ||
            is_name_of_ours(base_name(say(p->disks[i].backing))))
            return AD_DISK_OF_OURS;
        if (p->disks[i].shared)
            continue;
        if (p->disks[i].bytes == 0)
            return AD_DISK_UNKNOWN;
    }
    return AD_OK;
}

enum ad_reason
adopt_judge(const struct ad_machine *m)
{
    const struct ad_parts *p = &m->parts;
    enum ad_reason disks;

    if (say(m->owner)[0] != '\0')
        return AD_OTHER_OWNER;
    if (m->transient)
        return AD_TRANSIENT;
    if (m->moved)
        return AD_MOVED;
    if (say(m->host_devices)[0] != '\0')
        return AD_HOST_DEVICE;
    if (m->saved)
        return AD_SAVED;
    if (m->unequal)
        return AD_UNEQUAL;
    if (is_name_of_ours(say(p->name)))
        return AD_NAME_OF_OURS;
    if (p->vcpus == 0 && p->mem_mib == 0)
        return AD_UNREADABLE;
    if (p->vcpus < 1 || p->vcpus_max < p->vcpus || p->vcpus_max > VCPUS_MAX ||
        p->mem_mib < MEM_MIN_MIB || p->mem_max_mib < p->mem_mib)
        return AD_SIZE;
    disks = judge_disks(p);
    if (disks != AD_OK)
        return disks;
    return m->job ? AD_JOB : AD_OK;
}

bool
adopt_waits(enum ad_reason r)
{
    return r == AD_JOB;
}

static bool
number_is_same(const char *of, uint64_t was, uint64_t is, struct text *what)
{
    if (was == is)
        return true;
    text_add(what, "%s changed since it was claimed: %llu then, %llu now", of,
             (unsigned long long)was, (unsigned long long)is);
    return false;
}

static bool
disk_is_same(const struct ad_disk *was, const struct ad_disk *is, struct text *what)
{
    char of[64];
    struct text name = text_on(of, sizeof(of));

    if (!alike(was->target, is->target) || !alike(was->kind, is->kind) ||
        !alike(was->path, is->path) || !alike(was->format, is->format) ||
        !alike(was->backing, is->backing) || was->shared != is->shared) {
        text_add(what,
                 "disk %.16s changed since it was claimed: %.160s (%.16s) then, %.160s "
                 "(%.16s) now",
                 say(was->target), say(was->path), say(was->format), say(is->path),
                 say(is->format));
        return false;
    }
    text_add(&name, "the size of disk %.16s", say(was->target));
    return was->shared || number_is_same(of, was->bytes, is->bytes, what);
}

static bool
nic_is_same(const struct ad_nic *was, const struct ad_nic *is, struct text *what)
{
    if (alike(was->mac, is->mac) && alike(was->kind, is->kind) && alike(was->source, is->source))
        return true;
    text_add(what, "card %.20s changed since it was claimed: on %.68s then, %.20s on %.68s now",
             say(was->mac), say(was->source), say(is->mac), say(is->source));
    return false;
}

static bool
sizes_are_same(const struct ad_parts *was, const struct ad_parts *is, struct text *what)
{
    if (!alike(was->name, is->name)) {
        text_add(what, "its name changed since it was claimed: %.120s then, %.120s now",
                 say(was->name), say(is->name));
        return false;
    }
    return number_is_same("its vCPUs", was->vcpus, is->vcpus, what) &&
           number_is_same("its largest vCPUs", was->vcpus_max, is->vcpus_max, what) &&
           number_is_same("its memory in MiB", was->mem_mib, is->mem_mib, what) &&
           number_is_same("its largest memory in MiB", was->mem_max_mib, is->mem_max_mib, what) &&
           number_is_same("its firmware (1 BIOS, 2 UEFI)", (uint64_t)was->firmware,
                          (uint64_t)is->firmware, what) &&
           number_is_same("the number of its disks", was->n_disks, is->n_disks, what) &&
           number_is_same("the number of its cards", was->n_nics, is->n_nics, what);
}

bool
adopt_is_same(const struct ad_parts *claimed, const struct ad_parts *now, char *what, size_t size)
{
    struct text t = text_on(what, size);

    if (!alike(claimed->id, now->id)) {
        text_add(&t, "it is another machine");
        return false;
    }
    if (!sizes_are_same(claimed, now, &t))
        return false;
    for (size_t i = 0; i < claimed->n_disks; i++)
        if (!disk_is_same(&claimed->disks[i], &now->disks[i], &t))
            return false;
    for (size_t i = 0; i < claimed->n_nics; i++)
        if (!nic_is_same(&claimed->nics[i], &now->nics[i], &t))
            return false;
    return true;
}

const char *
ad_reason_name(enum ad_reason r)
{
    static const char *const names[AD_REASON__MAX] = {
#define AD(name, text) [AD_##name] = #name,
#include "policies/adopt.def"
#undef AD
    };

    return r < AD_REASON__MAX ? names[r] : "?";
}

const char *
ad_reason_text(enum ad_reason r)
{
    static const char *const texts[AD_REASON__MAX] = {
#define AD(name, text) [AD_##name] = text,
#include "policies/adopt.def"
#undef AD
    };

    return r < AD_REASON__MAX ? texts[r] : "?";
}
