#include "tests/unit/golden.h"

#include <CUnit/CUnit.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/base/scope.h"

#define MARK "\"expect\":"

struct json_object *
golden_get(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    return o != NULL && json_object_object_get_ex(o, key, &v) ? v : NULL;
}

const char *
golden_str(struct json_object *o, const char *key, const char *otherwise)
{
    struct json_object *v = golden_get(o, key);

    return v != NULL ? json_object_get_string(v) : otherwise;
}

int64_t
golden_int(struct json_object *o, const char *key, int64_t otherwise)
{
    struct json_object *v = golden_get(o, key);

    return v != NULL ? json_object_get_int64(v) : otherwise;
}

bool
golden_bool(struct json_object *o, const char *key, bool otherwise)
{
    struct json_object *v = golden_get(o, key);

    return v != NULL ? json_object_get_boolean(v) : otherwise;
}

int
golden_enum(struct json_object *o, const char *key, const char *const *names, int otherwise)
{
    const char *word = golden_str(o, key, NULL);

    if (word == NULL)
        return otherwise;
    for (int i = 0; names[i] != NULL; i++)
        if (strcmp(names[i], word) == 0)
            return i;
    fprintf(stderr, "golden case: %s cannot be '%s'\n", key, word);
    CU_FAIL("unknown word in a golden case");
    return otherwise;
}

const char *const *
golden_strs(struct arena *a, struct json_object *o, const char *key, size_t *n)
{
    struct json_object *v = golden_get(o, key);
    const char **out;

    *n = v != NULL ? json_object_array_length(v) : 0;
    out = arena_alloc(a, (*n + 1) * sizeof(*out));
    for (size_t i = 0; i < *n; i++)
        out[i] = json_object_get_string(json_object_array_get_idx(v, i));
    return out;
}

static int
is_case(const struct dirent *d)
{
    size_t len = strlen(d->d_name);

    return len > 5 && strcmp(d->d_name + len - 5, ".json") == 0;
}

static bool
file_read(const char *path, struct strbuf *out)
{
    FILE *f = fopen(path, "r");
    char chunk[4096];
    size_t n;

    if (f == NULL)
        return false;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        strbuf_add(out, chunk, n);
    (void)fclose(f); /* read only */
    return true;
}

static void
file_update(const char *path, const struct strbuf *old, const char *at, const struct strbuf *expect)
{
    FILE *f = fopen(path, "w");

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    CU_ASSERT(fwrite(old->s, 1, (size_t)(at - old->s), f) > 0);
    CU_ASSERT(fprintf(f, MARK " %s\n}\n", strbuf_peek(expect)) > 0);
    CU_ASSERT_EQUAL(fclose(f), 0);
}

static void
golden_one(const char *path, void (*run)(struct json_object *c, struct strbuf *out))
{
    SCOPED(strbuf) struct strbuf text = {0}, now = {0}, want = {0};
    struct json_object *c = NULL;
    const char *at;

    if (!file_read(path, &text) || (c = json_tokener_parse(strbuf_peek(&text))) == NULL ||
        (at = strstr(text.s, MARK)) == NULL) {
        fprintf(stderr, "%s: not readable, not JSON, or without expect\n", path);
        CU_FAIL("golden case cannot be read");
        return;
    }
    run(c, &now);
    strbuf_addf(&want, MARK " %s\n}\n", strbuf_peek(&now));
    if (strcmp(at, strbuf_peek(&want)) != 0) {
        if (getenv("CASES_UPDATE") != NULL) {
            file_update(path, &text, at, &now);
        } else {
            fprintf(stderr, "\n%s: expected\n%sgot\n%s", path, at, strbuf_peek(&want));
            CU_FAIL("golden case differs; if it should, make cases-update");
        }
    }
    json_object_put(c);
}

size_t
golden_run(const char *folder, void (*run)(struct json_object *c, struct strbuf *out))
{
    struct dirent **names = NULL;
    int n = scandir(folder, &names, is_case, alphasort);

    for (int i = 0; i < n; i++) {
        char path[512];

        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
        golden_one(path, run);
        free(names[i]);
    }
    free(names);
    return n > 0 ? (size_t)n : 0;
}
