/* The strict pre-scan.  Property: what it takes, json-c takes too, and json-c's own writing of it
 * passes the scan again with the same meaning. */
#include <json-c/json.h>
#include <string.h>

#include "drivers/codec/jscan.h"
#include "tests/fuzz/fuzz.h"

/* Most values nested inside one another, and whether a key outside ASCII lies that deep. */
static void
look(json_object *o, int depth, int *deepest, int *far_key)
{
    if (depth > *deepest)
        *deepest = depth;
    if (json_object_is_type(o, json_type_array))
        for (size_t i = 0; i < json_object_array_length(o); i++)
            look(json_object_array_get_idx(o, i), depth + 1, deepest, far_key);
    if (json_object_is_type(o, json_type_object)) {
        json_object_object_foreach(o, key, value)
        {
            if (depth >= 3 && (unsigned char)key[0] >= 0x80)
                *far_key = 1;
            look(value, depth + 1, deepest, far_key);
        }
    }
}

void
fuzz_one(const uint8_t *bytes, size_t len)
{
    json_tokener *t;
    json_object *o;
    const char *text;
    struct err e;
    int deepest = 0, far_key = 0;

    if (jscan((const char *)bytes, len, &e) < 0)
        return;
    t = json_tokener_new_ex(JSCAN_MAX_DEPTH + 1);
    o = json_tokener_parse_ex(t, (const char *)bytes, (int)len);
    if (o == NULL) { /* json-c waits for more after a bare number: an end tells it that it is one */
        enum json_tokener_error why = json_tokener_get_error(t);

        if (why == json_tokener_continue)
            o = json_tokener_parse_ex(t, "", -1);
        why = json_tokener_get_error(t);
        fuzz_must(why == json_tokener_success);
    }
    text =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    fuzz_must(jscan(text, strlen(text), &e) == 0);
    look(o, 0, &deepest, &far_key);
    fuzz_planted(far_key && deepest >= 5);
    json_object_put(o);
    json_tokener_free(t);
}
