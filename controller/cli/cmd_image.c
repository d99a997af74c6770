/* Base images: send in parts and go on where it stopped, publish, retire; and their names in
 * drafts.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "controller/cli/commands.h"
#include "drivers/base/clock.h"
#include "drivers/codec/jscan.h"
#include "drivers/crypto/digest.h"
#include "drivers/host/image_head.h"
#include "drivers/host/image_tables.h"

enum { CHECK_MS = 600000, CHECK_LOOK_MS = 200, TELL_MS = 500, RETRIES = 5, RETRY_MS = 1000 };

/* ---- finding ------------------------------------------------------------------------------------
 */

static bool
is_hash(const char *s)
{
    return strlen(s) == 64 && strspn(s, "0123456789abcdef") == 64;
}

/* NAME:VERSION, id or hash name one; a bare NAME means the newest that is published, else the
 * newest. */
static bool
matches(const struct w_image_view *v, const char *name)
{
    size_t n = strlen(v->name);

    if (strcmp(v->id, name) == 0 || strcmp(v->sha256, name) == 0 || strcmp(v->name, name) == 0)
        return true;
    return strncmp(v->name, name, n) == 0 && name[n] == ':' &&
           strcmp(v->version, name + n + 1) == 0;
}

int
cli_find_image(struct cli *c, const char *name, struct w_image_view *out, struct err *e)
{
    const struct w_image_view *best = NULL;
    struct w_image_list l = {0};

    if (CLI_GET(c, "/v1/images", image_list, &l, e) < 0)
        return -1;
    for (size_t i = 0; i < l.items.n; i++) { /* the newest of a name first */
        const struct w_image_view *v = JM_ITEM(l.items, const struct w_image_view, i);

        if (matches(v, name) && (best == NULL || (strcmp(best->state, "published") != 0 &&
                                                  strcmp(v->state, "published") == 0)))
            best = v;
    }
    if (best == NULL)
        return err_set(e, BY_E_NOT_FOUND,
                       "no image that you may see is called '%s'; see: bianyun images list", name);
    *out = *best;
    return 0;
}

static int
resolve_line(struct cli *c, struct json_object *line, int *named, struct err *e)
{
    struct json_object *image = NULL;
    struct w_image_view v;
    const char *name;

    if (!json_object_is_type(line, json_type_object) ||
        !json_object_object_get_ex(line, "image", &image) ||
        !json_object_is_type(image, json_type_string))
        return 0;
    name = json_object_get_string(image);
    if (is_hash(name))
        return 0;
    if (cli_find_image(c, name, &v, e) < 0)
        return -1;
    cli_line(c, stderr, "image %s is %s %s (%s, %s): %s", name, v.name, v.version, v.os, v.state,
             v.sha256);
    image = json_object_new_string(v.sha256);
    if (image == NULL || json_object_object_add(line, "image", image) < 0)
        abort(); /* out of memory */
    ++*named;
    return 0;
}

int
cli_resolve_images(struct cli *c, const char *text, const char **out, struct err *e)
{
    struct json_object *doc = NULL, *lines = NULL;
    int rc = 0, named = 0;

    /* What is not strict JSON, or has no such lines, is for the reader of the draft to refuse. */
    if (jscan(text, strlen(text), NULL) == 0)
        doc = json_tokener_parse(text);
    if (doc == NULL || !json_object_object_get_ex(doc, "lines", &lines) ||
        !json_object_is_type(lines, json_type_array)) {
        (void)json_object_put(doc);
        *out = text;
        return 0;
    }
    for (size_t i = 0; rc == 0 && i < json_object_array_length(lines); i++)
        rc = resolve_line(c, json_object_array_get_idx(lines, i), &named, e);
    *out = text;
    if (rc == 0 && named > 0)
        *out = arena_strdup(&c->a, json_object_to_json_string_ext(doc, JSON_C_TO_STRING_PLAIN));
    (void)json_object_put(doc);
    return rc;
}

/* ---- sending ------------------------------------------------------------------------------------
 */

static int
word_of(const char *word, const char *const *names, const char *option, int *out, struct err *e)
{
    for (int i = 1; names[i] != NULL; i++) {
        if (strcmp(names[i], word) == 0) {
            *out = i;
            return 0;
        }
    }
    return err_set(e, BY_E_INVALID, "--%s: '%s' is not known", option, word);
}

static const char *
or_else(const char *given, const char *fallback)
{
    return given != NULL ? given : fallback;
}

static int
describe(struct cli *c, struct w_image_request *in, struct err *e)
{
    const char *name, *os;
    struct utsname u;
    struct tm day;
    time_t now = (time_t)(clock_wall_ms() / 1000);
    char version[16];

    if (uname(&u) < 0 || localtime_r(&now, &day) == NULL)
        return err_set(e, BY_E_IO, "this machine does not say what it is: %s", strerror(errno));
    (void)strftime(version, sizeof(version), "%Y%m%d", &day);
    if (cli_need(c, "name", &name, e) < 0 || cli_need(c, "os", &os, e) < 0 ||
        cli_copy(in->name, sizeof(in->name), "name", name, e) < 0 ||
        cli_copy(in->os, sizeof(in->os), "os", os, e) < 0 ||
        cli_copy(in->version, sizeof(in->version), "version",
                 or_else(cli_opt(c, "image-version"), version), e) < 0 ||
        cli_copy(in->default_user, sizeof(in->default_user), "user", cli_opt(c, "user"), e) < 0 ||
        word_of(or_else(cli_opt(c, "arch"), u.machine), w_arch_names, "arch", &in->arch, e) < 0 ||
        word_of(or_else(cli_opt(c, "firmware"), "bios"), w_boot_names, "firmware", &in->boot, e) <
            0 ||
        cli_opt_u64(c, "min-disk", 0, 262144, &in->min_disk_gib, e) < 0 ||
        cli_opt_u64(c, "min-mem", 0, 16777216, &in->min_mem_mib, e) < 0)
        return -1;
    in->guest_agent = cli_opt(c, "guest-agent") != NULL;
    cli_request_id(c, in->request);
    return 0;
}

/* What the controller would refuse after a long upload is refused before it. */
static int
look_at(struct cli *c, const char *path, int *fd, struct w_image_request *in, struct err *e)
{
    struct image_head head;
    struct stat st;

    *fd = open(path, O_RDONLY | O_CLOEXEC);
    if (*fd < 0 || fstat(*fd, &st) < 0)
        return err_set(e, BY_E_NOT_FOUND, "cannot open %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0)
        return err_set(e, BY_E_INVALID, "%s is not a file with something in it", path);
    in->size_bytes = (uint64_t)st.st_size;
    if (image_head_file(*fd, &head, e) < 0 || image_tables_file(*fd, e) < 0)
        return err_wrap(e, "%s", path);
    cli_line(c, stderr, "%s: %s, %" PRIu64 " MiB, %" PRIu64 " MiB for the guest; hashing …", path,
             w_format_names[head.format], in->size_bytes >> 20, head.virtual_bytes >> 20);
    return digest_file_sha256_hex(path, in->sha256, e);
}

static int
send_part(struct cli *c, int fd, struct w_image_view *v, char *buf, struct err *e)
{
    size_t want = v->part_bytes, len = 0;
    uint64_t at = v->received_bytes;
    char sha[65];
    ssize_t n = 1;

    while (len < want && n > 0) {
        n = pread(fd, buf + len, want - len, (off_t)(at + len));
        if (n < 0)
            return err_set(e, BY_E_IO, "the file cannot be read: %s", strerror(errno));
        len += (size_t)n;
    }
    if (len == 0)
        return err_set(e, BY_E_CONFLICT, "the file became shorter while it was sent");
    digest_sha256_hex(buf, len, sha);
    return cli_send(
        c, "PUT", arena_printf(&c->a, "/v1/images/%s?offset=%" PRIu64 "&sha256=%s", v->id, at, sha),
        buf, len, schema_image_view, sizeof(*v), v, e);
}

static void
tell(const struct w_image_view *v, bool last)
{
    fprintf(stderr, "\r%s %s: %" PRIu64 " %% / %" PRIu64 " MiB%s", v->name, v->version,
            v->size_bytes == 0 ? 100 : v->received_bytes * 100 / v->size_bytes, v->size_bytes >> 20,
            last ? "\n" : "");
}

static void
wait_ms(int64_t ms)
{
    const struct timespec ts = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    (void)nanosleep(&ts, NULL); /* a short wait is a fine one */
}

/* All parts from where the controller stands; a lost answer or a restart of the controller costs a
 * few tries, since what it has is asked again. */
static int
send_all(struct cli *c, int fd, struct w_image_view *v, struct err *e)
{
    SCOPED(free) char *buf = malloc(v->part_bytes == 0 ? 1 : v->part_bytes);
    int64_t told = clock_mono_ms();
    int tries = 0;

    if (buf == NULL || v->part_bytes == 0)
        return err_set(e, BY_E_NOMEM, "out of memory");
    while (v->received_bytes < v->size_bytes) {
        if (send_part(c, fd, v, buf, e) == 0) {
            tries = 0;
        } else if (err_retryable(e->code) && ++tries <= RETRIES) {
            wait_ms(RETRY_MS);
            (void)CLI_GET(c, arena_printf(&c->a, "/v1/images/%s", v->id), image_view, v, e);
        } else {
            fputc('\n', stderr);
            cli_line(c, stderr, "the same command goes on from here");
            return -1;
        }
        if (clock_mono_ms() - told >= TELL_MS) {
            told = clock_mono_ms();
            tell(v, false);
        }
    }
    tell(v, true);
    return 0;
}

/* The controller hashes it in its own time. */
static int
await_check(struct cli *c, struct w_image_view *v, struct err *e)
{
    int64_t end = clock_mono_ms() + CHECK_MS;

    while (strcmp(v->state, "uploaded") == 0) {
        if (clock_mono_ms() > end)
            return err_set(e, BY_E_TIMEOUT,
                           "the controller still checks it; see: bianyun images show %s", v->id);
        wait_ms(CHECK_LOOK_MS);
        if (CLI_GET(c, arena_printf(&c->a, "/v1/images/%s", v->id), image_view, v, e) < 0)
            return -1;
    }
    if (strcmp(v->state, "refused") == 0)
        return err_set(e, BY_E_INVALID, "the controller refuses it: %s",
                       v->reason != NULL ? v->reason : "no reason given");
    return 0;
}

static int
upload(struct cli *c, int fd, const struct w_image_request *in, struct err *e)
{
    struct w_act_request act = {0};
    struct w_image_view v;

    if (CLI_POST(c, "/v1/images", image_request, in, image_view, &v, e) < 0)
        return -1;
    if (v.received_bytes > 0)
        cli_line(c, stderr, "%" PRIu64 " MiB of it are there already", v.received_bytes >> 20);
    if (send_all(c, fd, &v, e) < 0)
        return -1;
    random_uuid(act.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/images/%s:complete", v.id), act_request, &act,
                 image_view, &v, e) < 0 ||
        await_check(c, &v, e) < 0)
        return -1;
    return cli_print_one(c, schema_image_view, &v, e);
}

int
cmd_image_upload(struct cli *c, struct err *e)
{
    struct w_image_request in = {0};
    int fd = -1, rc = -1;

    if (describe(c, &in, e) == 0 && look_at(c, c->argv[0], &fd, &in, e) == 0)
        rc = upload(c, fd, &in, e);
    if (fd >= 0)
        (void)close(fd); /* only read */
    return rc;
}

/* ---- the rest -----------------------------------------------------------------------------------
 */

int
cmd_image_list(struct cli *c, struct err *e)
{
    struct w_image_list l;

    if (CLI_LIST(c, "/v1/images", image_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_image_list, &l,
                          "name version os arch boot state size_bytes min_disk_gib min_mem_mib "
                          "guest_agent sha256",
                          e);
}

int
cmd_image_show(struct cli *c, struct err *e)
{
    struct w_image_view v;

    if (cli_find_image(c, c->argv[0], &v, e) < 0)
        return -1;
    return cli_print_one(c, schema_image_view, &v, e);
}

static int
image_act(struct cli *c, const char *verb, struct err *e)
{
    struct w_act_request in = {.reason = cli_opt(c, "reason")};
    struct w_image_view v, out;

    cli_request_id(c, in.request);
    if (cli_find_image(c, c->argv[0], &v, e) < 0 ||
        CLI_POST(c, arena_printf(&c->a, "/v1/images/%s:%s", v.id, verb), act_request, &in,
                 image_view, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_image_view, &out, e);
}

int
cmd_image_publish(struct cli *c, struct err *e)
{
    return image_act(c, "publish", e);
}

int
cmd_image_retire(struct cli *c, struct err *e)
{
    return image_act(c, "retire", e);
}
