/* Keys: made, and named by the root, offline; statements go to and from the controller. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "controller/cli/commands.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/paper.h"

#define DAY_MS ((int64_t)86400000)

int
cmd_key_new(struct cli *c, struct err *e)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    const char *alg = cli_opt(c, "alg"), *pem, *pub;

    pub = arena_printf(&c->a, "%s.pub", c->argv[0]);
    if (access(pub, F_OK) == 0)
        return err_set(e, BY_E_CONFLICT, "cannot make %s: it is there already; move it away first",
                       pub);
    if (sigkey_generate(alg != NULL ? alg : ALG_SM2, &k, e) < 0 ||
        sigkey_save(k, c->argv[0], e) < 0)
        return -1;
    pem = sigkey_public_pem(k, &c->a);
    if (cli_write_file(pub, pem, strlen(pem), 0644, e) < 0)
        return -1;
    cli_line(c, stderr, "private key %s (keep it to yourself), public key %s", c->argv[0], pub);
    printf("%s\n", sigkey_id(k));
    return 0;
}

/* The body of a statement, its signature checked with the root key that will sign the next. */
static int
read_statement(struct cli *c, const struct sigkey *root, struct w_key_statement *s, struct err *e)
{
    struct w_envelope env;
    const char *text;
    size_t len;

    if (cli_read_file(c, c->argv[0], 262144, &text, &len, e) < 0)
        return -1;
    if (paper_parse(text, len, &c->a, &env, e) < 0 ||
        paper_check(&env, PAPER_KEYS, NULL, root, e) < 0 ||
        W_DECODE(key_statement, env.body, strlen(env.body), JM_SIGNED, &c->a, s, e) < 0)
        return err_wrap(e, "%s", c->argv[0]);
    return 0;
}

static int
add_entry(struct cli *c, struct w_key_statement *s, struct err *e)
{
    SCOPED(sigkey_free) struct sigkey *k = NULL;
    const char *add, *use, *holder, *text;
    struct w_key_entry *list, *n;
    uint64_t days;

    if (cli_need(c, "add", &add, e) < 0 || cli_need(c, "use", &use, e) < 0 ||
        cli_need(c, "holder", &holder, e) < 0 ||
        cli_opt_u64(c, "days", 1095, 36500, &days, e) < 0 ||
        cli_read_file(c, add, 8192, &text, NULL, e) < 0 || sigkey_from_pem(text, &k, e) < 0)
        return -1;
    list = arena_alloc(&c->a, (s->keys.n + 1) * sizeof(*list));
    if (s->keys.n > 0)
        memcpy(list, s->keys.items, s->keys.n * sizeof(*list));
    n = &list[s->keys.n];
    (void)snprintf(n->id, sizeof(n->id), "%s", sigkey_id(k));
    n->use = strcmp(use, "grant") == 0   ? KEY_GRANT
             : strcmp(use, "order") == 0 ? KEY_ORDER
                                         : KEY_NONE;
    if (n->use == KEY_NONE)
        return err_set(e, BY_E_INVALID, "--use is grant or order, not '%s'", use);
    if (cli_copy(n->holder, sizeof(n->holder), "holder", holder, e) < 0)
        return -1;
    (void)snprintf(n->alg, sizeof(n->alg), "%s", sigkey_alg(k));
    n->public_pem = sigkey_public_pem(k, &c->a);
    n->not_before_ms = clock_wall_ms() - 60000; /* clocks of hosts may be a little behind */
    n->not_after_ms = n->not_before_ms + (int64_t)days * DAY_MS;
    s->keys = (struct jm_list){.items = list, .n = s->keys.n + 1};
    return 0;
}

int
cmd_key_sign(struct cli *c, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(sigkey_free) struct sigkey *root = NULL;
    const char *root_file, *out, *paper;
    struct w_key_statement s;

    if (cli_need(c, "root-key", &root_file, e) < 0 || cli_need(c, "out", &out, e) < 0 ||
        sigkey_load(root_file, &root, e) < 0 || read_statement(c, root, &s, e) < 0 ||
        add_entry(c, &s, e) < 0)
        return -1;
    s.serial++;
    s.issued_at_ms = clock_wall_ms();
    jm_encode(schema_key_statement, &s, &b);
    if (paper_sign(root, PAPER_KEYS, strbuf_peek(&b), &c->a, &paper, e) < 0 ||
        cli_write_file(out, paper, strlen(paper), 0644, e) < 0)
        return -1;
    cli_line(c, stderr, "statement %llu names %zu keys; register it with: bianyun keys register %s",
             (unsigned long long)s.serial, s.keys.n, out);
    return 0;
}

int
cmd_key_register(struct cli *c, struct err *e)
{
    struct w_key_request in = {0};

    if (cli_read_file(c, c->argv[0], 262144, &in.statement, NULL, e) < 0)
        return -1;
    return cli_call(c, "POST", "/v1/keys", schema_key_request, &in, NULL, 0, NULL, e);
}

/* The statement with the highest serial, and its text. */
static int
newest_statement(struct cli *c, const char **text, struct w_key_statement *s, struct err *e)
{
    struct w_ledger_page page;
    uint64_t best = 0;

    if (CLI_GET(c, "/v1/keys", ledger_page, &page, e) < 0)
        return -1;
    for (size_t i = 0; i < page.keys.n; i++) {
        const char *t = JM_ITEM(page.keys, struct w_paper, i)->text;
        struct w_envelope env;
        struct w_key_statement one;

        if (paper_parse(t, strlen(t), &c->a, &env, e) < 0 ||
            W_DECODE(key_statement, env.body, strlen(env.body), JM_PEER, &c->a, &one, e) < 0)
            return -1;
        if (one.serial > best) {
            best = one.serial;
            *s = one;
            *text = t;
        }
    }
    return best != 0 ? 0
                     : err_set(e, BY_E_NOT_FOUND,
                               "the controller has no key statement; was it initialised?");
}

int
cmd_key_list(struct cli *c, struct err *e)
{
    struct w_key_statement s;
    const char *text;

    if (newest_statement(c, &text, &s, e) < 0)
        return -1;
    return cli_print_part(c, schema_key_statement, "keys", &s,
                          "use holder alg not_before_ms not_after_ms id", e);
}

int
cmd_key_statement(struct cli *c, struct err *e)
{
    const char *out = cli_opt(c, "out"), *text;
    struct w_key_statement s;

    if (newest_statement(c, &text, &s, e) < 0)
        return -1;
    if (out != NULL)
        return cli_write_file(out, text, strlen(text), 0644, e);
    printf("%s\n", text);
    return 0;
}
