#include "controller/attachment.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/ledger.h"
#include "controller/own.h"
#include "controller/params.h"
#include "controller/routes.h"
#include "drivers/codec/utf8.h"
#include "drivers/crypto/base64.h"
#include "drivers/crypto/digest.h"

/* What one step of the sweep drops: it holds up the writer for some 20 ms. */
enum { SWEEP_PARTS = 4, SWEEP_DOCUMENTS = 50 };

struct upload {
    struct w_attachment v; /* as people see it */
    char account[W_ID];
    char blob[W_HASH]; /* under which its parts lie */
};
struct part {
    const void *bytes;
    size_t len;
};

/* ---- reading rows -------------------------------------------------------------------------------
 */

static int
upload_get(struct db *d, const char *id, struct upload *out, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_attachment *v = &out->v;
    int rc;

    memset(out, 0, sizeof(*out));
    if (DB_QUERY(d, DB_ATTACHMENT_GET, &r, e, DBS(id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_set(e, BY_E_NOT_FOUND, "there is no document %s", id);
    (void)snprintf(v->id, sizeof(v->id), "%s", db_str(r, 0));
    (void)snprintf(v->unit, sizeof(v->unit), "%s", db_str(r, 1));
    (void)snprintf(out->account, sizeof(out->account), "%s", db_str(r, 2));
    (void)snprintf(v->name, sizeof(v->name), "%s", db_str(r, 3));
    (void)snprintf(v->sha256, sizeof(v->sha256), "%s", db_str(r, 4));
    v->size_bytes = (uint64_t)db_int(r, 5);
    (void)snprintf(v->type, sizeof(v->type), "%s", db_str(r, 6));
    v->whole = db_int(r, 7) != 0;
    v->have = (uint32_t)db_int(r, 8);
    (void)snprintf(out->blob, sizeof(out->blob), "%s", db_str(r, 9));
    v->parts = (uint32_t)((v->size_bytes + ATTACHMENT_PART - 1) / ATTACHMENT_PART);
    return 0;
}

/* Its own unit, or a case of the caller's unit that it belongs to. */
static int
may_read(struct api_call *k, struct tx *t, const struct upload *u, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct err why = {0};
    int rc;

    if (own_check(k, u->v.unit, "document", &why) == 0)
        return 0;
    if (DB_QUERY(t->d, DB_CASE_PAPER_READER, &r, e, DBS(u->v.id), DBS(own_filter(k))) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    return rc == 1 ? 0 : err_set(e, why.code, "%s", why.msg);
}

/* ---- types
 * --------------------------------------------------------------------------------------- */

/* UTF-8; the last character may be cut: a part ends where it ends. */
static bool
is_text(const char *s, size_t len)
{
    uint32_t cp;

    for (size_t i = 0, n; i < len; i += n) {
        n = utf8_next(s + i, len - i, &cp);
        if (n == 0)
            return len - i < 4 && i > 0;
        if (cp == 0)
            return false;
    }
    return true;
}

const char *
attachment_type(const void *bytes, size_t len)
{
    static const struct {
        const char *magic, *type;
        size_t len;
    } known[] = {
        {"%PDF-", "application/pdf", 5},
        {"\x89PNG\r\n\x1a\n", "image/png", 8},
        {"\xff\xd8\xff", "image/jpeg", 3},
        {"PK\x03\x04", "application/zip", 4}, /* OFD, docx, xlsx, odt */
        {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage", 8}, /* doc, xls, wps */
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (len >= known[i].len && memcmp(bytes, known[i].magic, known[i].len) == 0)
            return known[i].type;
    return len > 0 && is_text(bytes, len) ? "text/plain" : NULL;
}

/* ---- uploading
 * ----------------------------------------------------------------------------------- */

int
api_attachment_add(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const struct w_attachment_request *in = k->in;
    struct w_attachment *out = k->out;
    struct upload u;

    if (DB_QUERY(t->d, DB_ATTACHMENT_OPEN, &r, e, DBS(k->who.unit),
                 DBI(t->now_ms - ATTACHMENT_STALE_MS), DBS(k->who.unit), DBS(k->who.account)) < 0 ||
        db_next(r, e) != 1)
        return -1;
    if (db_int(r, 0) >= ATTACHMENT_OPEN_MAX)
        return err_set(e, BY_E_CONFLICT, "%d of your uploads are not finished: finish them first",
                       ATTACHMENT_OPEN_MAX);
    if (db_int(r, 1) + (int64_t)in->size_bytes > ATTACHMENT_DAY_BYTES)
        return err_set(
            e, BY_E_CONFLICT,
            "your unit has announced %d MiB of documents within a day, at most %d: go on "
            "tomorrow",
            (int)(db_int(r, 1) >> 20), (int)(ATTACHMENT_DAY_BYTES >> 20));
    if (db_int(r, 2) + (int64_t)in->size_bytes > ATTACHMENT_LOOSE_BYTES)
        return err_set(e, BY_E_CONFLICT,
                       "your unit has %d MiB of documents that no case names, at most %d: name "
                       "them in a case; the others are removed by themselves after %d days",
                       (int)(db_int(r, 2) >> 20), (int)(ATTACHMENT_LOOSE_BYTES >> 20),
                       (int)k->c->conf.document_days);
    db_rows_free(TAKE(r));
    random_uuid(out->id);
    if (DB_EXEC(t->d, DB_ATTACHMENT_ADD, NULL, e, DBS(out->id), DBS(k->who.unit),
                DBS(k->who.account), DBS(in->name), DBS(in->sha256), DBI(in->size_bytes),
                DBI(t->now_ms), DBS(out->id)) < 0 ||
        upload_get(t->d, out->id, &u, e) < 0)
        return -1;
    *out = u.v;
    return 0;
}

int
prepare_attachment_part(struct api_call *k, struct err *e)
{
    const struct w_attachment_part *in = k->in;
    struct part *p = arena_alloc(k->a, sizeof(*p));

    if (base64_decode(in->data, k->a, &p->bytes, &p->len, e) < 0)
        return err_field(e, BY_E_INVALID, "data", "the part is not base64");
    k->prepared = p;
    return 0;
}

static int
part_fits(const struct upload *u, const struct w_attachment_part *in, const struct part *p,
          struct err *e)
{
    uint64_t from = (uint64_t)in->part * ATTACHMENT_PART;
    uint64_t want = u->v.size_bytes - from;

    if (in->part >= u->v.parts)
        return err_field(e, BY_E_INVALID, "part", "%s has %" PRIu32 " parts, from 0", u->v.name,
                         u->v.parts);
    if (in->part > u->v.have)
        return err_field(e, BY_E_CONFLICT, "part", "send part %" PRIu32 " first", u->v.have);
    if (want > ATTACHMENT_PART)
        want = ATTACHMENT_PART;
    if (p->len != want)
        return err_field(e, BY_E_INVALID, "data", "part %" PRIu32 " has %zu bytes, not %" PRIu64,
                         in->part, p->len, want);
    if (in->part == 0 && attachment_type(p->bytes, p->len) == NULL)
        return err_field(e, BY_E_INVALID, "data",
                         "%s is none of the types that are taken: PDF, OFD, office files, PNG, "
                         "JPEG, text",
                         u->v.name);
    return 0;
}

/* All parts are here: the whole must have the hash that was announced. */
static int
whole_hash(struct tx *t, const struct upload *u, char hex[65], const char **type, struct err *e)
{
    struct digest_part parts[(16777216 / ATTACHMENT_PART) + 1];
    SCOPED(arena) struct arena a = {0};
    uint8_t hash[DIGEST_BYTES];
    void *bytes;

    for (uint32_t i = 0; i < u->v.parts; i++) {
        SCOPED(db_rows_free) struct db_rows *r = NULL;

        if (DB_QUERY(t->d, DB_ATTACHMENT_PART_GET, &r, e, DBS(u->v.id), DBI(i)) < 0 ||
            db_next(r, e) != 1)
            return -1;
        if (i == 0)
            *type = attachment_type(db_str(r, 0), db_len(r, 0));
        bytes = arena_alloc(&a, db_len(r, 0));
        memcpy(bytes, db_str(r, 0), db_len(r, 0));
        parts[i] = (struct digest_part){bytes, db_len(r, 0)};
    }
    digest_parts(DIGEST_SHA256, parts, u->v.parts, hash);
    digest_hex(hash, hex);
    return 0;
}

static int
finish(struct tx *t, const struct upload *u, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    const char *type = NULL;
    char hex[65], blob[W_HASH];
    int rc;

    if (whole_hash(t, u, hex, &type, e) < 0)
        return -1;
    if (strcmp(hex, u->v.sha256) != 0)
        return err_field(e, BY_E_INVALID, "data",
                         "%s has another hash than was announced: upload it anew", u->v.name);
    if (DB_QUERY(t->d, DB_ATTACHMENT_BLOB_OF, &r, e, DBS(u->v.sha256)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    (void)snprintf(blob, sizeof(blob), "%s", rc == 1 ? db_str(r, 0) : u->v.id);
    db_rows_free(TAKE(r));
    if (rc == 1 && DB_EXEC(t->d, DB_ATTACHMENT_SURPLUS_ADD, NULL, e, DBS(u->v.id)) < 0)
        return -1;
    return DB_EXEC(t->d, DB_ATTACHMENT_WHOLE, NULL, e, DBS(type), DBS(blob), DBS(u->v.id));
}

int
api_attachment_part(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_attachment_part *in = k->in;
    const struct part *p = k->prepared;
    struct w_attachment *out = k->out;
    struct upload u;

    if (upload_get(t->d, k->id, &u, e) < 0 || own_check(k, u.v.unit, "document", e) < 0)
        return -1;
    *out = u.v;
    if (u.v.whole || in->part < u.v.have) /* again: its answer was lost */
        return 0;
    if (part_fits(&u, in, p, e) < 0 || DB_EXEC(t->d, DB_ATTACHMENT_PART_ADD, NULL, e, DBS(u.v.id),
                                               DBI(in->part), db_blob(p->bytes, p->len)) < 0)
        return -1;
    if (in->part + 1 == u.v.parts && finish(t, &u, e) < 0)
        return -1;
    if (upload_get(t->d, k->id, &u, e) < 0)
        return -1;
    *out = u.v;
    return 0;
}

/* 1 with the id of one of them, 0 none. */
static int
one_of(struct db *d, enum db_stmt which, int64_t before_ms, char id[W_HASH], struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc = DB_FIRST(d, which, &r, e, DBI(before_ms));

    (void)snprintf(id, W_HASH, "%s", rc == 1 ? db_str(r, 0) : "");
    return rc;
}

int
attachment_stale(struct db *d, int64_t now_ms, int64_t keep_ms, bool *any, struct err *e)
{
    char id[W_HASH];
    int rc = one_of(d, DB_ATTACHMENT_STALE, now_ms - ATTACHMENT_STALE_MS, id, e);

    if (rc == 0)
        rc = one_of(d, DB_ATTACHMENT_LOOSE, now_ms - keep_ms, id, e);
    *any = rc == 1;
    return rc < 0 ? -1 : 0;
}

/* Of one document; *left: how many more parts may go in this step. */
static int
sweep_one(struct tx *t, const char *id, int *left, struct err *e)
{
    int gone = 0;

    if (DB_EXEC(t->d, DB_ATTACHMENT_BLOB_DROP, &gone, e, DBS(id), DBS(id), DBI(*left)) < 0)
        return -1;
    *left -= gone;
    if (*left == 0) /* perhaps not all: it comes again */
        return 0;
    return DB_EXEC(t->d, DB_ATTACHMENT_SURPLUS_DROP, NULL, e, DBS(id)) < 0
               ? -1
               : DB_EXEC(t->d, DB_ATTACHMENT_DROP, NULL, e, DBS(id));
}

/* Its name and its last claim to its parts go together; the parts follow a few at a time. */
static int
remove_loose(struct tx *t, const char *id, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct upload u;

    if (upload_get(t->d, id, &u, e) < 0)
        return -1;
    jm_encode(schema_attachment, &u.v, &b);
    if (DB_EXEC(t->d, DB_ATTACHMENT_LOOSE_DROP, NULL, e, DBS(id)) < 0 ||
        DB_EXEC(t->d, DB_ATTACHMENT_SURPLUS_LAST, NULL, e, DBS(u.blob), DBS(u.blob)) < 0)
        return -1;
    return ledger_append(t, "controller", "document.removed", id, strbuf_peek(&b), e);
}

int
attachment_sweep(struct tx *t, int64_t keep_ms, struct err *e)
{
    int left = SWEEP_PARTS, rc = 1;
    char id[W_HASH];

    for (int i = 0; i < SWEEP_DOCUMENTS && left > 0 && rc == 1; i++) {
        rc = one_of(t->d, DB_ATTACHMENT_STALE, t->now_ms - ATTACHMENT_STALE_MS, id, e);
        if (rc < 0 || (rc == 1 && sweep_one(t, id, &left, e) < 0))
            return -1;
    }
    rc = 1;
    for (int i = 0; i < SWEEP_DOCUMENTS && rc == 1; i++) {
        rc = one_of(t->d, DB_ATTACHMENT_LOOSE, t->now_ms - keep_ms, id, e);
        if (rc < 0 || (rc == 1 && remove_loose(t, id, e) < 0))
            return -1;
    }
    return 0;
}

/* ---- reading
 * -------------------------------------------------------------------------------------- */

int
api_attachment_get(struct api_call *k, struct tx *t, struct err *e)
{
    struct upload u;

    if (upload_get(t->d, k->id, &u, e) < 0 || may_read(k, t, &u, e) < 0)
        return -1;
    *(struct w_attachment *)k->out = u.v;
    return 0;
}

int
api_attachment_read(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_attachment_part *out = k->out;
    int64_t n = param_number(k, "part", 0);
    struct upload u;
    int rc;

    if (upload_get(t->d, k->id, &u, e) < 0 || may_read(k, t, &u, e) < 0)
        return -1;
    if (!u.v.whole)
        return err_set(e, BY_E_CONFLICT, "%s is not uploaded whole yet", u.v.name);
    if (DB_QUERY(t->d, DB_ATTACHMENT_PART_GET, &r, e, DBS(u.blob), DBI(n)) < 0 ||
        (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_field(e, BY_E_INVALID, "part", "%s has %" PRIu32 " parts, from 0", u.v.name,
                         u.v.parts);
    out->part = (uint32_t)n;
    out->data = base64_encode(db_str(r, 0), db_len(r, 0), k->a);
    return 0;
}

/* ---- in a case
 * ------------------------------------------------------------------------------------ */

static bool
is_basis(int what)
{
    return what == DOC_APPROVAL || what == DOC_AGREEMENT || what == DOC_DECLARATION;
}

/* Who sees more than one unit does not carry a document of one into the case of another. */
static int
may_join(struct api_call *k, struct tx *t, const struct case_row *c, const struct upload *u,
         struct err *e)
{
    if (may_read(k, t, u, e) < 0)
        return -1;
    return strcmp(u->v.unit, c->unit) == 0 || strcmp(u->v.unit, k->who.unit) == 0
               ? 0
               : err_set(e, BY_E_NOT_FOUND, "it is of another unit");
}

int
attachment_add_papers(struct api_call *k, struct tx *t, const struct case_row *c,
                      const struct jm_list *papers, bool anew, struct err *e)
{
    if (anew &&
        (DB_EXEC(t->d, DB_ATTACHMENT_LOOSEN, NULL, e, DBI(t->now_ms), DBS(c->id), DBS(c->id)) < 0 ||
         DB_EXEC(t->d, DB_CASE_PAPER_CLEAR, NULL, e, DBS(c->id)) < 0))
        return -1;
    for (size_t i = 0; i < papers->n; i++) {
        const struct w_case_paper *p = JM_ITEM(*papers, struct w_case_paper, i);
        struct upload u;

        if (upload_get(t->d, p->attachment, &u, e) < 0 || may_join(k, t, c, &u, e) < 0)
            return err_field(e, BY_E_INVALID, "papers",
                             "neither your unit nor the case's has a document %s", p->attachment);
        if (!anew && is_basis(p->what))
            return err_field(e, BY_E_INVALID, "papers",
                             "what an approval rests on is the unit's to give, when it edits its "
                             "application: add %s as evidence",
                             u.v.name);
        if (!u.v.whole)
            return err_field(e, BY_E_INVALID, "papers", "%s is not uploaded whole yet", u.v.name);
        if (DB_EXEC(t->d, DB_CASE_PAPER_ADD, NULL, e, DBS(c->id), DBS(u.v.id), DBI(p->what),
                    DBI(t->now_ms)) < 0 ||
            DB_EXEC(t->d, DB_ATTACHMENT_NAMED, NULL, e, DBS(u.v.id)) < 0)
            return -1;
    }
    return 0;
}
