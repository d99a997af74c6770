/* Out of the schema rows: `gen dict` prints a dictionary for the fuzzers, `gen seeds FOLDER` writes
 * three inputs for every wire object: its required fields, all of them, all with largest values. */
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"
#include "drivers/codec/jclass.h"
#include "drivers/codec/wire.h"
#include "drivers/crypto/paper.h"

static void
dict_rows(const struct jm_field *f)
{
    for (; f->name != NULL; f++) {
        printf("\"\\\"%s\\\":\"\n", f->name);
        for (int i = 1; f->type == JM_ENUM && f->names[i] != NULL; i++)
            printf("\"\\\"%s\\\"\"\n", f->names[i]);
        if (f->type == JM_OBJ)
            printf("\",\\\"%s\\\":{}\"\n", f->name);
        if (f->type == JM_LIST)
            printf("\",\\\"%s\\\":[{},{}]\"\n", f->name);
    }
}

static int
dict(void)
{
    static const char *const words[] = {
        PAPER_KEYS,
        PAPER_GRANT,
        PAPER_ORDER,
        PAPER_ORDER_BATCH,
        PAPER_PLAN,
        PAPER_ERASURE,
        PAPER_CERTIFICATE,
        PAPER_HEAD,
        ALG_SM2,
        ALG_P256,
        "\\\\u6c74",
        "\\\\ud83d\\\\ude00",
        "null",
        "true",
        "false",
        "9007199254740991",
        "[[[[",
        "]]]]",
        "\\\"a\\\":{}",
        "18446744073709551615",
        "},{",
        "\\\",\\\"",
        "10.0.0.0/24",
        "52:54:00:12:34:56",
        "\\xe6\\xb1\\xb4",
        "1b4e28ba-2fa1-41d2-883f-0016d3cca427",
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        printf("\"%s\"\n", words[i]);
    for (const struct w_object *o = w_objects; o->name != NULL; o++) {
        printf("\"%s\\x0a\"\n", o->name);
        dict_rows(o->schema);
    }
    return 0;
}

static const char *
sample_text(enum jm_class cls)
{
    switch (cls) {
    case JM_ANY:
    case JM_LINE:
    case JM_NAME:
        return "汴云";
    case JM_HOST:
        return "h-1";
    case JM_UUID:
        return "1b4e28ba-2fa1-41d2-883f-0016d3cca427";
    case JM_SHA256:
        return "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    case JM_MAC:
        return "52:54:00:12:34:56";
    case JM_IPV4:
        return "10.0.0.5";
    case JM_CIDR4:
        return "10.0.0.0/24";
    }
    return "";
}

enum seed_kind { SEED_REQUIRED, SEED_ALL, SEED_MOST };

static void seed_object(struct strbuf *b, const struct jm_field *rows, enum seed_kind kind);

static long long
seed_number(const struct jm_field *f, enum seed_kind kind)
{
    if (kind == SEED_MOST)
        return f->max != 0 ? f->max : f->type == JM_U32 ? UINT32_MAX : INT64_C(9007199254740991);
    return f->min > 0 ? f->min : 0;
}

static const char *
seed_word(const struct jm_field *f, enum seed_kind kind)
{
    int i = 1;

    while (kind == SEED_MOST && f->names[i + 1] != NULL)
        i++;
    return f->names[i];
}

static void
seed_value(struct strbuf *b, const struct jm_field *f, enum seed_kind kind)
{
    switch (f->type) {
    case JM_STR:
    case JM_TEXT:
        strbuf_addf(b, "\"%s\"", sample_text(f->cls));
        break;
    case JM_U32:
    case JM_U64:
    case JM_I64:
        strbuf_addf(b, "%lld", seed_number(f, kind));
        break;
    case JM_BOOL:
        strbuf_adds(b, "true");
        break;
    case JM_ENUM:
        strbuf_addf(b, "\"%s\"", seed_word(f, kind));
        break;
    case JM_OBJ:
        seed_object(b, f->sub, kind);
        break;
    case JM_LIST:
        strbuf_addc(b, '[');
        seed_object(b, f->sub, kind);
        if (kind == SEED_MOST && f->max > 1) {
            strbuf_addc(b, ',');
            seed_object(b, f->sub, kind);
        }
        strbuf_addc(b, ']');
        break;
    }
}

static void
seed_object(struct strbuf *b, const struct jm_field *rows, enum seed_kind kind)
{
    bool first = true;

    strbuf_addc(b, '{');
    for (; rows->name != NULL; rows++) {
        if (kind == SEED_REQUIRED && (rows->flags & JM_REQ) == 0)
            continue;
        strbuf_addf(b, "%s\"%s\":", first ? "" : ",", rows->name);
        seed_value(b, rows, kind);
        first = false;
    }
    strbuf_addc(b, '}');
}

static int
seed_write(const char *folder, const struct w_object *o, enum seed_kind kind)
{
    static const char *const words[] = {"required", "all", "most"};
    SCOPED(strbuf) struct strbuf b = {0};
    SCOPED(strbuf) struct strbuf path = {0};
    SCOPED(arena) struct arena a = {0};
    struct err e = {0};
    FILE *f;

    seed_object(&b, o->schema, kind);
    if (jm_decode(b.s, b.len, o->schema, o->size, JM_SIGNED, &a, arena_alloc(&a, o->size), &e) <
        0) {
        (void)fprintf(stderr, "gen: the sample of %s does not decode: %s\n", o->name, e.msg);
        return 1;
    }
    strbuf_addf(&path, "%s/%s-%s", folder, o->name, words[kind]);
    f = fopen(path.s, "wb");
    if (f == NULL) {
        perror(path.s);
        return 1;
    }
    (void)fprintf(f, "%s\n%s", o->name, b.s);
    return fclose(f) != 0;
}

int
main(int argc, char **argv)
{
    int failed = 0;

    if (argc == 2 && strcmp(argv[1], "dict") == 0)
        return dict();
    if (argc != 3 || strcmp(argv[1], "seeds") != 0) {
        (void)fprintf(stderr, "use: gen dict | gen seeds FOLDER\n");
        return 2;
    }
    for (const struct w_object *o = w_objects; o->name != NULL; o++)
        for (int kind = SEED_REQUIRED; kind <= SEED_MOST; kind++)
            failed |= seed_write(argv[2], o, (enum seed_kind)kind);
    return failed;
}
