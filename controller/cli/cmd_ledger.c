/* The ledger: list, export, and verify offline.  An export is JSON lines: first the signed head and
 * the key statements (a ledger_page without items), then one ledger_entry a line. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"
#include "drivers/crypto/ledger_verify.h"
#include "drivers/crypto/paper.h"

#define MAX_LINE ((size_t)4 << 20)

static int
get_page(struct cli *c, uint64_t after, struct w_ledger_page *p, struct err *e)
{
    return CLI_GET(c, arena_printf(&c->a, "/v1/ledger?after=%" PRIu64, after), ledger_page, p, e);
}

int
cmd_ledger_list(struct cli *c, struct err *e)
{
    struct w_ledger_page p;
    uint64_t after;

    if (cli_opt_u64(c, "after", 0, INT64_MAX, &after, e) < 0 || get_page(c, after, &p, e) < 0)
        return -1;
    return cli_print_list(c, schema_ledger_page, &p, "seq at_ms act subject actor", e);
}

static int
head_seq(struct cli *c, const char *head, uint64_t *seq, struct err *e)
{
    struct w_envelope env;
    struct w_ledger_head h;

    if (head == NULL)
        return err_set(e, BY_E_NOT_FOUND,
                       "the ledger has no signed head yet; try again in a moment");
    if (paper_parse(head, strlen(head), &c->a, &env, e) < 0 ||
        W_DECODE(ledger_head, env.body, strlen(env.body), JM_PEER, &c->a, &h, e) < 0)
        return err_wrap(e, "the controller's ledger head");
    *seq = h.seq;
    return 0;
}

static void
write_line(FILE *f, const struct jm_field *schema, const void *obj)
{
    SCOPED(strbuf) struct strbuf b = {0};

    jm_encode(schema, obj, &b);
    fprintf(f, "%s\n", strbuf_peek(&b));
}

/* Everything up to the head of the first page, page by page. */
static int
export_to(struct cli *c, FILE *f, uint64_t *done, struct err *e)
{
    struct w_ledger_page p, first;
    uint64_t last = 0, at = 0;

    if (get_page(c, 0, &p, e) < 0 || head_seq(c, p.head, &last, e) < 0)
        return -1;
    first = p;
    first.items = (struct jm_list){0};
    write_line(f, schema_ledger_page, &first);
    while (at < last) {
        for (size_t i = 0; i < p.items.n && at < last; i++) {
            const struct w_ledger_entry *entry = JM_ITEM(p.items, const struct w_ledger_entry, i);

            write_line(f, schema_ledger_entry, entry);
            at = entry->seq;
        }
        if (at < last && p.items.n == 0)
            return err_set(e, BY_E_CONFLICT,
                           "the controller gave entries up to %" PRIu64
                           " only, its head says %" PRIu64,
                           at, last);
        if (at < last && get_page(c, at, &p, e) < 0)
            return -1;
    }
    *done = at;
    return 0;
}

int
cmd_ledger_export(struct cli *c, struct err *e)
{
    FILE *f = fopen(c->argv[0], "wxe");
    uint64_t n = 0;
    int rc;

    if (f == NULL)
        return err_set(e, errno == EEXIST ? BY_E_CONFLICT : BY_E_IO, "cannot make %s: %s",
                       c->argv[0], strerror(errno));
    rc = export_to(c, f, &n, e);
    if (ferror(f) != 0 && rc == 0)
        rc = err_set(e, BY_E_IO, "cannot write %s", c->argv[0]);
    if (fclose(f) != 0 && rc == 0)
        rc = err_set(e, BY_E_IO, "cannot write %s: %s", c->argv[0], strerror(errno));
    if (rc == 0)
        cli_line(c, stderr, "%" PRIu64 " entries in %s", n, c->argv[0]);
    return rc;
}

static int
read_header(struct cli *c, FILE *f, char *line, struct w_ledger_page *p, struct err *e)
{
    if (fgets(line, (int)MAX_LINE, f) == NULL)
        return err_set(e, BY_E_INVALID, "%s is empty", c->argv[0]);
    if (W_DECODE(ledger_page, line, strlen(line), JM_PEER, &c->a, p, e) < 0)
        return err_wrap(e, "%s line 1", c->argv[0]);
    if (p->head == NULL)
        return err_set(e, BY_E_INVALID,
                       "%s line 1 has no signed head; was it made by 'bianyun ledger export'?",
                       c->argv[0]);
    return 0;
}

static int
verify_lines(struct cli *c, FILE *f, char *line, struct ledger_verify *v, struct err *e)
{
    uint64_t no = 1;

    while (fgets(line, (int)MAX_LINE, f) != NULL) {
        SCOPED(arena) struct arena a = {0};
        struct w_ledger_entry entry;

        no++;
        if (W_DECODE(ledger_entry, line, strlen(line), JM_SIGNED, &a, &entry, e) < 0)
            return err_wrap(e, "%s line %" PRIu64, c->argv[0], no);
        if (ledger_verify_add(v, &entry, e) < 0)
            return -1;
    }
    return ledger_verify_end(v, e);
}

/* The root: a public key, or a private one whose public half is used. */
static int
make_ring(struct cli *c, const struct w_ledger_page *p, struct keyring **ring, struct err *e)
{
    const char *root, *pem;

    if (cli_need(c, "root", &root, e) < 0 || cli_read_file(c, root, 8192, &pem, NULL, e) < 0 ||
        keyring_new(pem, ring, e) < 0)
        return -1;
    for (size_t i = 0; i < p->keys.n; i++) {
        const char *t = JM_ITEM(p->keys, const struct w_paper, i)->text;

        if (keyring_add(*ring, t, strlen(t), e) < 0)
            return err_wrap(e, "key statement %zu", i + 1);
    }
    return 0;
}

static int
verify_file(struct cli *c, FILE *f, struct err *e)
{
    SCOPED(keyring_free) struct keyring *ring = NULL;
    SCOPED(ledger_verify_free) struct ledger_verify *v = NULL;
    const char *witness = cli_opt(c, "witness"), *text;
    char *line = arena_alloc(&c->a, MAX_LINE + 1);
    struct w_ledger_page p;
    uint64_t purged, n;
    size_t len;

    if (read_header(c, f, line, &p, e) < 0 || make_ring(c, &p, &ring, e) < 0 ||
        ledger_verify_new(ring, p.head, strlen(p.head), &v, e) < 0)
        return -1;
    if (witness != NULL) {
        if (cli_read_file(c, witness, 65536, &text, &len, e) < 0)
            return -1;
        while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
            len--;
        if (ledger_verify_witness(v, text, len, e) < 0)
            return err_wrap(e, "witness %s", witness);
    }
    if (verify_lines(c, f, line, v, e) < 0)
        return -1;
    n = ledger_verify_count(v, &purged);
    cli_line(c, stdout, "%" PRIu64 " entries hold, %" PRIu64 " bodies purged, head signed and %s",
             n, purged,
             witness != NULL ? "the witness agrees"
                             : "no witness given: a cut tail would not be seen");
    return 0;
}

int
cmd_ledger_verify(struct cli *c, struct err *e)
{
    FILE *f = fopen(c->argv[0], "re");
    int rc;

    if (f == NULL)
        return err_set(e, BY_E_NOT_FOUND, "cannot open %s: %s", c->argv[0], strerror(errno));
    rc = verify_file(c, f, e);
    (void)fclose(f); /* read only */
    return rc;
}
