#include "drivers/host/seed.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <libburn/libburn.h> /* only struct burn_source, which libisofs fills */
#include <libisofs/libisofs.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"

/* 2000-01-01 00:00:00 UTC: any fixed moment would do. */
#define FIXED_TIME ((time_t)946684800)
#define FIXED_TEXT "2000010100000000"
#define SECTOR 2048
#define MAX_SECTORS 2048

/* ---- the texts ------------------------------------------------------------------------------ */

/* A JSON string is a YAML scalar that cannot be anything else. */
static void
add_quoted(struct strbuf *out, const char *s)
{
    strbuf_addc(out, '"');
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;

        if (c == '"' || c == '\\')
            strbuf_addf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            strbuf_addf(out, "\\u%04x", c);
        else
            strbuf_addc(out, (char)c);
    }
    strbuf_addc(out, '"');
}

void
seed_meta_data(const struct w_vm_spec *vm, struct strbuf *out)
{
    strbuf_adds(out, "{\"instance-id\": ");
    add_quoted(out, vm->id);
    strbuf_adds(out, ", \"local-hostname\": ");
    add_quoted(out, vm->hostname);
    strbuf_adds(out, "}\n");
}

void
seed_user_data(const struct w_vm_spec *vm, struct strbuf *out)
{
    strbuf_adds(out, "#cloud-config\n{\"hostname\": ");
    add_quoted(out, vm->hostname);
    strbuf_adds(out,
                ", \"manage_etc_hosts\": true, \"users\": [\"default\"], \"disable_root\": true, "
                "\"ssh_pwauth\": false");
    if (vm->ssh_key != NULL && vm->ssh_key[0] != '\0') {
        strbuf_adds(out, ", \"ssh_authorized_keys\": [");
        add_quoted(out, vm->ssh_key);
        strbuf_addc(out, ']');
    }
    strbuf_adds(out, "}\n");
}

void
seed_network_config(const struct w_vm_spec *vm, struct strbuf *out)
{
    strbuf_adds(out, "{\"version\": 2, \"ethernets\": {");
    for (size_t i = 0; i < vm->nics.n; i++) {
        const struct w_nic *nic = JM_ITEM(vm->nics, const struct w_nic, i);

        strbuf_addf(out, "%s\"nic%zu\": {\"match\": {\"macaddress\": ", i == 0 ? "" : ", ", i);
        add_quoted(out, nic->mac);
        strbuf_adds(out, "}, \"dhcp4\": true, \"dhcp6\": false}");
    }
    strbuf_adds(out, "}}\n");
}

/* ---- the image ------------------------------------------------------------------------------ */

SCOPE_FN(iso_image_unref, IsoImage)
SCOPE_FN(iso_write_opts_free, IsoWriteOpts)

static int
iso_fail(struct err *e, int code, const char *what)
{
    return err_set(e, code == (int)ISO_OUT_OF_MEM ? BY_E_NOMEM : BY_E_IO, "seed: %s: %s", what,
                   iso_error_to_msg(code));
}

static int
add_file(IsoImage *image, const char *name, struct strbuf *text, struct err *e)
{
    size_t len = text->len;
    unsigned char *bytes = (unsigned char *)strbuf_take(text);
    IsoStream *stream = NULL;
    IsoFile *file = NULL;
    int r = iso_memory_stream_new(bytes, len, &stream);

    if (r < 0) {
        free(bytes);
        return iso_fail(e, r, name);
    }
    r = iso_tree_add_new_file(iso_image_get_root(image), name, stream, &file);
    if (r < 0) {
        iso_stream_unref(stream);
        return iso_fail(e, r, name);
    }
    iso_node_set_permissions(ISO_NODE(file), 0444);
    iso_node_set_mtime(ISO_NODE(file), FIXED_TIME);
    iso_node_set_atime(ISO_NODE(file), FIXED_TIME);
    iso_node_set_ctime(ISO_NODE(file), FIXED_TIME);
    return 0;
}

static int
fill_image(IsoImage *image, const struct w_vm_spec *vm, struct err *e)
{
    static const struct {
        const char *name;
        void (*text)(const struct w_vm_spec *vm, struct strbuf *out);
    } files[] = {
        {"meta-data", seed_meta_data},
        {"network-config", seed_network_config},
        {"user-data", seed_user_data},
    };

    iso_image_set_volume_id(image, "CIDATA");
    iso_image_set_application_id(image, "");
    iso_image_set_publisher_id(image, "");
    iso_image_set_data_preparer_id(image, "");
    iso_image_set_system_id(image, "");
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        SCOPED(strbuf) struct strbuf text = {0};

        files[i].text(vm, &text);
        if (add_file(image, files[i].name, &text, e) < 0)
            return -1;
    }
    return 0;
}

static int
write_opts(IsoWriteOpts **out, struct err *e)
{
    SCOPED(iso_write_opts_free) IsoWriteOpts *o = NULL;
    int r = iso_write_opts_new(&o, 1);

    if (r >= 0)
        r = iso_write_opts_set_joliet(o, 1);
    if (r >= 0)
        r = iso_write_opts_set_rockridge(o, 1);
    if (r >= 0)
        r = iso_write_opts_set_dir_rec_mtime(o, 7);
    if (r >= 0)
        r = iso_write_opts_set_replace_mode(o, 1, 1, 2, 2);
    if (r >= 0)
        r = iso_write_opts_set_replace_timestamps(o, 2);
    if (r >= 0)
        r = iso_write_opts_set_default_timestamp(o, FIXED_TIME);
    if (r >= 0)
        r = iso_write_opts_set_pvd_times(o, FIXED_TIME, FIXED_TIME, 0, 0, (char *)FIXED_TEXT);
    if (r >= 0)
        r = iso_write_opts_set_always_gmt(o, 1);
    if (r < 0)
        return iso_fail(e, r, "options");
    *out = TAKE(o);
    return 0;
}

/* Pull the image out of libisofs' writer. */
static int
drain(struct burn_source *src, struct strbuf *out, struct err *e)
{
    unsigned char sector[SECTOR];

    for (int i = 0; i < MAX_SECTORS; i++) {
        int n = src->read_xt(src, sector, SECTOR);

        if (n < 0)
            return err_set(e, BY_E_IO, "seed: libisofs stopped after %d sectors", i);
        if (n == 0)
            return 0;
        strbuf_add(out, sector, (size_t)n);
    }
    return err_set(e, BY_E_TOO_LARGE, "seed: larger than %d KiB", MAX_SECTORS * SECTOR / 1024);
}

static int
build(const struct w_vm_spec *vm, struct strbuf *out, struct err *e)
{
    SCOPED(iso_image_unref) IsoImage *image = NULL;
    SCOPED(iso_write_opts_free) IsoWriteOpts *opts = NULL;
    struct burn_source *src = NULL;
    int r = iso_image_new("CIDATA", &image);

    if (r < 0)
        return iso_fail(e, r, "image");
    if (fill_image(image, vm, e) < 0 || write_opts(&opts, e) < 0)
        return -1;
    r = iso_image_create_burn_source(image, opts, &src);
    if (r < 0)
        return iso_fail(e, r, "layout");
    r = drain(src, out, e);
    if (r < 0)
        (void)src->cancel(src); /* its writer thread waits for a reader */
    src->free_data(src);
    free(src);
    return r;
}

/* One at a time: iso_init() and its messages are process-wide and not made for threads.  Its bit 0
 * keeps it from setlocale(), which no other thread may be running beside: json-c copies the locale
 * at every parse, and glibc's copy overflows when a name grows meanwhile. */
static int
seed_image(const struct w_vm_spec *vm, struct strbuf *out, struct err *e)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int r;

    (void)pthread_mutex_lock(&lock);
    r = iso_init_with_flag(1);
    if (r > 0)
        r = iso_set_local_charset((char *)"UTF-8", 0);
    if (r <= 0) {
        r = iso_fail(e, r, "start libisofs");
    } else {
        (void)iso_set_msgs_severities((char *)"NEVER", (char *)"NEVER", (char *)"");
        r = build(vm, out, e);
        iso_finish();
    }
    (void)pthread_mutex_unlock(&lock);
    return r;
}

int
seed_write(const struct w_vm_spec *vm, const char *path, struct err *e)
{
    SCOPED(strbuf) struct strbuf bytes = {0};

    if (seed_image(vm, &bytes, e) < 0)
        return -1;
    return durable_write(path, bytes.s, bytes.len, 0600, e);
}

int
seed_memfd(const struct w_vm_spec *vm, int *fd, char path[SEED_PATH_MAX], struct err *e)
{
    SCOPED(strbuf) struct strbuf bytes = {0};
    SCOPED(fd) int mem = -1;

    if (seed_image(vm, &bytes, e) < 0)
        return -1;
    mem = memfd_create("seed", MFD_CLOEXEC);
    if (mem < 0)
        return durable_errno(e, errno, "make", "a seed in memory");
    for (size_t at = 0; at < bytes.len;) {
        ssize_t n = pwrite(mem, bytes.s + at, bytes.len - at, (off_t)at);

        if (n < 0 && errno != EINTR)
            return durable_errno(e, errno, "write", "a seed in memory");
        at += n < 0 ? 0 : (size_t)n;
    }
    (void)snprintf(path, SEED_PATH_MAX, "/proc/self/fd/%d", mem);
    *fd = mem;
    mem = -1;
    return 0;
}
