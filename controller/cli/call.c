/* Files, calls to the API, and finding things by name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "controller/cli/cli.h"
#include "drivers/base/scope.h"
#include "drivers/crypto/digest.h"
#include "drivers/net/httpc.h"
#include "drivers/net/url.h"

static int
cli_connect(struct cli *c, struct err *e)
{
    struct httpc_config conf = {.base_url = c->url, .ca_file = c->ca_file, .lang = c->lang};

    if (c->http != NULL)
        return 0;
    if (c->url[0] == '\0')
        return err_set(e, BY_E_UNAUTHENTICATED,
                       "profile '%s' knows no controller; sign in first: bianyun login --url "
                       "https://HOST:PORT --ca FILE",
                       c->profile);
    if (httpc_new(&conf, &c->http, e) < 0)
        return -1;
    if (c->token[0] != '\0')
        httpc_token(c->http, c->token);
    return 0;
}

int
cli_send(struct cli *c, const char *method, const char *path, const void *bytes, size_t len,
         const struct jm_field *out_schema, size_t out_size, void *out, struct err *e)
{
    struct httpc_answer ans = {0};
    int rc = 0;

    if (cli_connect(c, e) < 0)
        return -1;
    if (httpc_call(c->http, method, path, bytes, len, c->timeout_ms > 0 ? c->timeout_ms : 90000,
                   &ans, e) < 0) {
        httpc_answer_clear(&ans);
        return -1;
    }
    if (out_schema != NULL && ans.len > 0) {
        rc = jm_decode(ans.body, ans.len, out_schema, out_size, JM_PEER, &c->a, out, e);
        if (rc < 0)
            (void)err_wrap(e, "the controller's answer to %s %s", method, path);
    }
    httpc_answer_clear(&ans);
    return rc;
}

int
cli_stream(struct cli *c, const char *path, int (*take)(void *arg, const char *, size_t), void *arg,
           struct err *e)
{
    return cli_connect(c, e) < 0 ? -1 : httpc_stream(c->http, path, take, arg, e);
}

int
cli_fetch(struct cli *c, const char *path, const char **bytes, size_t *len, struct err *e)
{
    struct httpc_answer ans = {0};
    int rc;

    if (cli_connect(c, e) < 0)
        return -1;
    rc = httpc_call(c->http, "GET", path, NULL, 0, 90000, &ans, e);
    if (rc == 0) {
        *bytes = arena_strndup(&c->a, ans.body == NULL ? "" : ans.body, ans.len);
        *len = ans.len;
    }
    httpc_answer_clear(&ans);
    return rc;
}

int
cli_call(struct cli *c, const char *method, const char *path, const struct jm_field *in_schema,
         const void *in, const struct jm_field *out_schema, size_t out_size, void *out,
         struct err *e)
{
    SCOPED(strbuf) struct strbuf body = {0};

    if (cli_has_pages(method, path, out_schema))
        return cli_pages(c, path, out_schema, out_size, out, e);
    if (in_schema != NULL)
        jm_encode(in_schema, in, &body);
    return cli_send(c, method, path, in_schema != NULL ? strbuf_peek(&body) : NULL, body.len,
                    out_schema, out_size, out, e);
}

void
cli_request_id(struct cli *c, char out[W_ID])
{
    const char *given = cli_opt(c, "request");

    if (given != NULL)
        (void)snprintf(out, W_ID, "%s", given);
    else
        random_uuid(out);
}

const char *
cli_escape(struct cli *c, const char *s)
{
    return url_escape(s, &c->a);
}

const char *
cli_query(struct cli *c, const char *path, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return path;
    return arena_printf(&c->a, "%s%c%s=%s", path, strchr(path, '?') == NULL ? '?' : '&', name,
                        cli_escape(c, value));
}

/* The one item of all pages whose id or name is as given, whatever --limit says of what is listed.
 */
#define FIND_PAGED(T, object, path, label, key, out, e)                                            \
    do {                                                                                           \
        const struct T *found_ = NULL;                                                             \
        const char *page_ = path;                                                                  \
        while (page_ != NULL) {                                                                    \
            struct w_##object l_ = {0};                                                            \
            if (CLI_GET(c, page_, object, &l_, e) < 0)                                             \
                return -1;                                                                         \
            for (size_t i_ = 0; i_ < l_.items.n; i_++) {                                           \
                const struct T *it_ = JM_ITEM(l_.items, struct T, i_);                             \
                if (strcmp(it_->id, key) != 0 && strcmp(it_->label, key) != 0)                     \
                    continue;                                                                      \
                if (found_ != NULL)                                                                \
                    return err_set(e, BY_E_CONFLICT, "'%s' is the name of several; use the id",    \
                                   key);                                                           \
                found_ = it_;                                                                      \
            }                                                                                      \
            page_ = l_.next == NULL ? NULL : cli_query(c, path, "after", l_.next);                 \
        }                                                                                          \
        if (found_ == NULL)                                                                        \
            return err_set(e, BY_E_NOT_FOUND, "nothing that you may see is called '%s'", key);     \
        *(out) = *found_;                                                                          \
        return 0;                                                                                  \
    } while (0)

int
cli_find_unit(struct cli *c, const char *name, struct w_unit *out, struct err *e)
{
    FIND_PAGED(w_unit, unit_list, "/v1/units?limit=1000", name, name, out, e);
}

int
cli_least_hold(struct cli *c, int64_t *out, struct err *e)
{
    struct w_policy p;

    if (CLI_GET(c, "/v1/policies", policy, &p, e) < 0)
        return err_wrap(e, "the least time in the recycle bin");
    *out = p.least_hold_ms;
    return 0;
}

int
cli_find_system(struct cli *c, const char *name, struct w_system *out, struct err *e)
{
    FIND_PAGED(w_system, system_list, "/v1/systems?limit=1000", name, name, out, e);
}

int
cli_find_account(struct cli *c, const char *name, struct w_account *out, struct err *e)
{
    FIND_PAGED(w_account, account_list, "/v1/accounts?limit=1000", login, name, out, e);
}

int
cli_find_host(struct cli *c, const char *name, struct w_host_view *out, struct err *e)
{
    FIND_PAGED(w_host_view, host_list, "/v1/hosts?limit=1000", name, name, out, e);
}

int
cli_find_pool(struct cli *c, const char *name, struct w_pool_item *out, struct err *e)
{
    FIND_PAGED(w_pool_item, pool_list, "/v1/pools?limit=1000", name, name, out, e);
}

int
cli_find_grant(struct cli *c, const char *name, struct w_grant_view *out, struct err *e)
{
    FIND_PAGED(w_grant_view, grant_list, "/v1/grants?limit=1000", number, name, out, e);
}

static int
kind_of_noun(const char *noun)
{
    if (strcmp(noun, "vms") == 0)
        return RES_VM;
    if (strcmp(noun, "volumes") == 0)
        return RES_VOLUME;
    return strcmp(noun, "networks") == 0 ? RES_NETWORK : RES_NONE;
}

int
cli_find_resource(struct cli *c, const char *name, struct w_resource_view *out, struct err *e)
{
    return cli_find_kind(c, kind_of_noun(c->cmd->noun), name, out, e);
}

static int
find_in(struct cli *c, const char *path, const char *name, struct w_resource_view *out,
        struct err *e)
{
    FIND_PAGED(w_resource_view, resource_list, path, name, name, out, e);
}

/* What is there goes before what is gone: a name may be given again. */
int
cli_find_kind(struct cli *c, int kind, const char *name, struct w_resource_view *out, struct err *e)
{
    const char *path = cli_query(c, "/v1/resources?limit=1000", "name", name);
    struct err none = {0};

    path = cli_query(c, path, "kind", w_res_kind_names[kind]);
    if (find_in(c, path, name, out, &none) == 0)
        return 0;
    if (none.code == BY_E_NOT_FOUND)
        return find_in(c, cli_query(c, path, "gone", "1"), name, out, e);
    *e = none;
    return -1;
}

int
cli_read_file(struct cli *c, const char *path, size_t max, const char **text, size_t *len,
              struct err *e)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *buf;
    size_t n;

    if (f == NULL)
        return err_set(e, BY_E_NOT_FOUND, "cannot open %s: %s", path, strerror(errno));
    buf = arena_alloc(&c->a, max + 2);
    n = fread(buf, 1, max + 1, f);
    if (ferror(f) != 0 || n > max) {
        bool io = ferror(f) != 0;

        if (f != stdin)
            (void)fclose(f);
        return io ? err_set(e, BY_E_IO, "cannot read %s", path)
                  : err_set(e, BY_E_TOO_LARGE, "%s is larger than %zu bytes", path, max);
    }
    if (f != stdin)
        (void)fclose(f);
    if (memchr(buf, '\0', n) != NULL)
        return err_set(e, BY_E_INVALID, "%s is not a text file: it has a zero byte", path);
    *text = buf;
    if (len != NULL)
        *len = n;
    return 0;
}

int
cli_may_make(const char *path, struct err *e)
{
    return access(path, F_OK) != 0
               ? 0
               : err_set(e, BY_E_CONFLICT,
                         "cannot make %s: it is there already; move it away first", path);
}

int
cli_write_file(const char *path, const char *text, size_t len, unsigned mode, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

    if (fd < 0)
        return err_set(e, errno == EEXIST ? BY_E_CONFLICT : BY_E_IO, "cannot make %s: %s", path,
                       errno == EEXIST ? "it is there already; move it away first"
                                       : strerror(errno));
    if (write(fd, text, len) != (ssize_t)len || fsync(fd) < 0)
        return err_set(e, BY_E_IO, "cannot write %s: %s", path, strerror(errno));
    return 0;
}
