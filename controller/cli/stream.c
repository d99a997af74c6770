/* A whole list as one stream: the controller reads it in one moment and sends it as JSON lines, a
 * row is printed as it comes and forgotten. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "drivers/codec/csv.h"

#define LINE_MAX_BYTES (1024u * 1024)

struct stream {
    struct cli *c;
    const struct jm_field *items;
    struct strbuf line, out;
    size_t rows;
    bool csv;
    struct err err; /* ours, not of the connection */
};

/* Of an object with more than the rows (counts) --json prints those too: it has them by pages. */
static bool
only_rows(const struct jm_field *schema)
{
    for (const struct jm_field *f = schema; f->name != NULL; f++)
        if (strcmp(f->name, "items") != 0 && strcmp(f->name, "next") != 0)
            return false;
    return true;
}

bool
stream_fits(const struct cli *c, const char *path, const struct jm_field *schema)
{
    if (cli_opt(c, "all") == NULL || cli_opt(c, "limit") != NULL ||
        !cli_has_pages("GET", path, schema))
        return false;
    return cli_opt(c, "csv") != NULL || (cli_opt(c, "json") != NULL && only_rows(schema));
}

static int
put_row(struct stream *s, struct err *e)
{
    struct cli *c = s->c;
    struct arena kept = c->a;
    int rc = 0;

    if (!s->csv) {
        strbuf_adds(&s->out, s->rows > 0 ? "," : "");
        strbuf_add(&s->out, s->line.s, s->line.len);
    } else {
        void *row;

        c->a = (struct arena){0}; /* what a row needs goes with it */
        row = arena_alloc(&c->a, s->items->sub_size);
        memset(row, 0, s->items->sub_size);
        rc = jm_decode(s->line.s, s->line.len, s->items->sub, s->items->sub_size, JM_PEER, &c->a,
                       row, e);
        if (rc == 0)
            cli_csv_row(c, s->items->sub, row, &s->out);
        arena_clear(&c->a);
        c->a = kept;
    }
    s->rows++;
    return rc;
}

static int
flush(struct stream *s, struct err *e)
{
    size_t n = fwrite(strbuf_peek(&s->out), 1, s->out.len, stdout);
    bool whole = n == s->out.len;

    strbuf_reset(&s->out);
    return whole ? 0 : err_set(e, BY_E_IO, "cannot write the result: %s", strerror(errno));
}

static int
take(void *arg, const char *bytes, size_t n)
{
    struct stream *s = arg;

    while (n > 0) {
        const char *end = memchr(bytes, '\n', n);
        size_t part = end == NULL ? n : (size_t)(end - bytes);

        if (s->line.len + part > LINE_MAX_BYTES)
            return err_set(&s->err, BY_E_TOO_LARGE, "a row has more than %u bytes", LINE_MAX_BYTES);
        strbuf_add(&s->line, bytes, part);
        if (end == NULL)
            break;
        if (put_row(s, &s->err) < 0)
            return -1;
        strbuf_reset(&s->line);
        bytes = end + 1;
        n -= part + 1;
    }
    return flush(s, &s->err);
}

int
stream_list(struct cli *c, const char *path, const struct jm_field *schema, struct err *e)
{
    struct stream s = {
        .c = c, .items = cli_field(schema, "items", 5), .csv = cli_opt(c, "csv") != NULL};
    int rc;

    c->streamed = true;
    if (s.csv) {
        cli_names(c, s.items->sub);
        csv_head(&s.out, s.items->sub);
    } else {
        strbuf_adds(&s.out, "{\"items\":[");
    }
    rc = cli_stream(c, cli_query(c, path, "format", "jsonl"), take, &s, e);
    if (rc < 0 && s.err.code != BY_E_OK)
        *e = s.err;
    if (rc < 0 && s.rows > 0)
        (void)err_wrap(e, "this is not the whole list: it was cut after %zu rows", s.rows);
    if (rc == 0 && !s.csv)
        strbuf_adds(&s.out, "]}\n");
    if (rc == 0)
        rc = flush(&s, e);
    strbuf_clear(&s.line);
    strbuf_clear(&s.out);
    return rc;
}
