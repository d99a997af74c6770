#ifndef BY_TESTS_UNIT_GOLDEN_H
#define BY_TESTS_UNIT_GOLDEN_H
/* Golden cases: a folder of JSON files that end with "expect".  A runner turns the rest into the
 * text of an expectation; equal texts pass.  CASES_UPDATE=1 in the environment writes what the
 * runner says into the file instead.  Paths are relative to the top of the tree. */
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/strbuf.h"

/** Run every *.json of the folder, in order of name; returns how many.  A difference, and a file
 * that does not parse, fails the running test with the file's name. */
size_t golden_run(const char *folder, void (*run)(struct json_object *c, struct strbuf *out));

/* Values of an object, or the default when the key is absent; strings are the object's. */
struct json_object *golden_get(struct json_object *o, const char *key);
const char *golden_str(struct json_object *o, const char *key, const char *otherwise);
int64_t golden_int(struct json_object *o, const char *key, int64_t otherwise);
bool golden_bool(struct json_object *o, const char *key, bool otherwise);
/** Index of the word in names; an unknown word fails the test. */
int golden_enum(struct json_object *o, const char *key, const char *const *names, int otherwise);
const char *const *golden_strs(struct arena *a, struct json_object *o, const char *key, size_t *n);
#endif
