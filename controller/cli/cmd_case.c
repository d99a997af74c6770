/* Cases (办件) and documents. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/cli/cases.h"
#include "controller/cli/commands.h"
#include "drivers/crypto/base64.h"
#include "drivers/crypto/digest.h"
#include "policies/case_fsm.h"

enum { PART = 524288, DOCUMENT_MAX = 16777216, PARTS_MAX = DOCUMENT_MAX / PART };

/* ---- documents ----------------------------------------------------------------------------------
 */

static void
close_scope(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

/* What a display name may not hold becomes '_'. */
static void
document_name(const char *file, char out[W_NAME])
{
    const char *slash = strrchr(file, '/');
    size_t n = 0;

    for (const char *s = slash == NULL ? file : slash + 1; *s != '\0' && n < W_NAME - 8; s++)
        out[n++] = (unsigned char)*s < 0x20 || strchr("<>&\"'`$;|*?\\", *s) != NULL ? '_' : *s;
    while (n > 0 && ((unsigned char)out[n - 1] & 0xc0) == 0x80 && n >= W_NAME - 8)
        n--; /* not within a character */
    out[n] = '\0';
    if (n == 0 || out[0] == '.' || out[0] == ' ')
        (void)snprintf(out, W_NAME, "document");
}

static int
send_part(struct cli *c, int fd, const struct w_attachment *v, unsigned part,
          struct w_attachment *out, struct err *e)
{
    struct w_attachment_part in = {.part = part};
    size_t left = (size_t)v->size_bytes - (size_t)part * PART, want = left < PART ? left : PART;
    char *bytes = arena_alloc(&c->a, want);
    ssize_t got = pread(fd, bytes, want, (off_t)part * PART);

    if (got < 0 || (size_t)got != want)
        return err_set(e, BY_E_IO, "%s changed while it was read", v->name);
    in.data = base64_encode(bytes, want, &c->a);
    return CLI_POST(c, arena_printf(&c->a, "/v1/attachments/%s:part", v->id), attachment_part, &in,
                    attachment, out, e);
}

int
cli_upload(struct cli *c, const char *file, struct w_attachment *out, struct err *e)
{
    __attribute__((cleanup(close_scope))) int fd = open(file, O_RDONLY | O_CLOEXEC);
    struct w_attachment_request in = {0};
    struct w_attachment v;
    struct stat st;
    char hex[65];

    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(e, BY_E_NOT_FOUND, "%s: %s", file, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size == 0 || st.st_size > DOCUMENT_MAX)
        return err_set(e, BY_E_INVALID, "%s: a document is a file of 1 byte to 16 MiB", file);
    if (digest_file_sha256_hex(file, hex, e) < 0)
        return -1;
    document_name(file, in.name);
    memcpy(in.sha256, hex, sizeof(hex));
    in.size_bytes = (uint64_t)st.st_size;
    if (CLI_POST(c, "/v1/attachments", attachment_request, &in, attachment, out, e) < 0)
        return err_wrap(e, "%s", file);
    while (!out->whole) {
        v = *out;
        if (send_part(c, fd, &v, v.have, out, e) < 0)
            return err_wrap(e, "%s", file);
        if (!out->whole && out->have <= v.have)
            return err_set(e, BY_E_IO, "%s: the controller does not take part %u", file, v.have);
    }
    return 0;
}

int
cmd_attachment_get(struct cli *c, struct err *e)
{
    struct w_attachment v;
    const char *out, *id = cli_escape(c, c->argv[0]);
    char *all;
    size_t n = 0;

    if (cli_need(c, "out", &out, e) < 0 ||
        CLI_GET(c, arena_printf(&c->a, "/v1/attachments/%s", id), attachment, &v, e) < 0)
        return -1;
    if (v.size_bytes > DOCUMENT_MAX || v.parts > PARTS_MAX)
        return err_set(e, BY_E_BUG, "%s is larger than a document may be", v.name);
    all = arena_alloc(&c->a, (size_t)v.size_bytes + 1);
    for (unsigned i = 0; i < v.parts; i++) {
        struct w_attachment_part p;
        const void *bytes;
        size_t len;

        if (CLI_GET(c, arena_printf(&c->a, "/v1/attachments/%s:part?part=%u", id, i),
                    attachment_part, &p, e) < 0 ||
            base64_decode(p.data, &c->a, &bytes, &len, e) < 0)
            return -1;
        if (len > v.size_bytes - n)
            return err_set(e, BY_E_BUG, "%s is longer than it says", v.name);
        memcpy(all + n, bytes, len);
        n += len;
    }
    if (cli_write_file(out, all, n, 0600, e) < 0)
        return -1;
    return cli_print_one(c, schema_attachment, &v, e);
}

/* ---- cases --------------------------------------------------------------------------------------
 */

int
cli_find_case(struct cli *c, const char *name, struct w_case_view *out, struct err *e)
{
    const char *id = name;
    struct w_case_list l;

    if (strlen(name) != 36) {
        if (CLI_GET(c, cli_query(c, "/v1/cases", "number", name), case_list, &l, e) < 0)
            return -1;
        if (l.items.n == 0)
            return err_set(e, BY_E_NOT_FOUND,
                           "no case that you may see has the number '%s'; see: bianyun cases list",
                           name);
        id = JM_ITEM(l.items, struct w_case_item, 0)->id;
    }
    return CLI_GET(c, arena_printf(&c->a, "/v1/cases/%s", cli_escape(c, id)), case_view, out, e);
}

int
cli_case_list(struct cli *c, const char *kind, struct err *e)
{
    const char *path = "/v1/cases", *system = cli_opt(c, "system");
    struct w_case_list l;
    struct w_system s;

    if (system != NULL && cli_find_system(c, system, &s, e) < 0)
        return -1;
    path = cli_query(c, path, "kind", kind != NULL ? kind : cli_opt(c, "kind"));
    path = cli_query(c, path, "state", cli_opt(c, "state"));
    path = cli_query(c, path, "system", system != NULL ? s.id : NULL);
    if (CLI_LIST(c, path, case_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_case_list, &l,
                          "number kind state title unit_name waits due_ms changed_at_ms", e);
}

int
cmd_case_list(struct cli *c, struct err *e)
{
    return cli_case_list(c, NULL, e);
}

int
cmd_case_show(struct cli *c, struct err *e)
{
    struct w_case_view v;

    if (cli_find_case(c, c->argv[0], &v, e) < 0)
        return -1;
    return cli_print_one(c, schema_case_view, &v, e);
}

static int
case_step(struct cli *c, int event, struct err *e)
{
    const char *evidence = cli_opt(c, "evidence");
    struct w_case_move in = {.event = event, .reason = cli_opt(c, "reason")};
    struct w_case_paper p = {.what = DOC_EVIDENCE};
    struct w_attachment doc;
    struct w_case_view v;

    if (cli_find_case(c, c->argv[0], &v, e) < 0)
        return -1;
    if (evidence != NULL) {
        if (cli_upload(c, evidence, &doc, e) < 0)
            return err_wrap(e, "--evidence");
        memcpy(p.attachment, doc.id, sizeof(p.attachment));
        in.papers = (struct jm_list){&p, 1};
    }
    in.rev = v.rev;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/cases/%s:move", v.id), case_move, &in, case_view, &v,
                 e) < 0)
        return -1;
    return cli_print_one(c, schema_case_view, &v, e);
}

int
cmd_case_step(struct cli *c, struct err *e)
{
    for (int ev = 1; ev < CASE_EVENT__MAX; ev++)
        if (strcmp(w_case_event_names[ev], c->cmd->verb) == 0)
            return case_step(c, ev, e);
    return err_set(e, BY_E_BUG, "'%s' is no step of a case", c->cmd->verb);
}

/* ---- handover -----------------------------------------------------------------------------------
 */

int
cmd_handover_list(struct cli *c, struct err *e)
{
    return cli_case_list(c, "handover", e);
}

int
cmd_handover_show(struct cli *c, struct err *e)
{
    const char *file = cli_opt(c, "html"), *page;
    struct w_case_view v;
    size_t len;

    if (cli_find_case(c, c->argv[0], &v, e) < 0)
        return -1;
    if (file != NULL &&
        (cli_fetch(c, arena_printf(&c->a, "/v1/cases/%s:handover", v.id), &page, &len, e) < 0 ||
         cli_write_file(file, page, len, 0644, e) < 0))
        return -1;
    return cli_print_one(c, schema_handover, &v.handover, e);
}

int
cmd_handover_link(struct cli *c, struct err *e)
{
    struct w_signin_link l;
    struct w_case_view v;

    if (cli_find_case(c, c->argv[0], &v, e) < 0 ||
        cli_call(c, "POST", arena_printf(&c->a, "/v1/cases/%s:link", v.id), NULL, NULL,
                 schema_signin_link, sizeof(l), &l, e) < 0)
        return -1;
    if (cli_opt(c, "json") != NULL)
        return cli_print_one(c, schema_signin_link, &l, e);
    printf("%s/v1/first-sign-in/%s\n", c->url, l.token);
    return 0;
}

int
cmd_grant_started(struct cli *c, struct err *e)
{
    struct w_act_request in = {.reason = cli_opt(c, "reason")};
    struct w_grant_view g;

    if (cli_find_grant(c, c->argv[0], &g, e) < 0)
        return -1;
    cli_request_id(c, in.request);
    if (cli_call(c, "POST", arena_printf(&c->a, "/v1/grants/%s:started", g.id), schema_act_request,
                 &in, NULL, 0, NULL, e) < 0)
        return -1;
    fprintf(stderr, say(c->lang, "noted: the unit has begun to deploy under %s\n"), g.number);
    return 0;
}
