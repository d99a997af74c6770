#ifndef BY_CONTROLLER_OPENAPI_H
#define BY_CONTROLLER_OPENAPI_H
/* The OpenAPI 3.1 document of the API, out of the rows of routes.def, params.def, wire.def and
 * error.h: docs/openapi.json (tools/gendoc) and GET /v1/openapi.json are this text.  Pure. */
#include <stdbool.h>

#include "drivers/base/strbuf.h"

struct json_object;
struct jm_field;

/** Append the document, indented, with a newline at its end. */
void openapi_write(struct strbuf *out);

/* openapi_schema.c; the answers belong to the caller. */
/** JSON Schema of one field, without its doc: SUB and LIST refer to components. */
struct json_object *openapi_field(const struct jm_field *f);
/** Schema of an object.  answer: it is never in a request, so what is always written is required.
 */
struct json_object *openapi_object(const struct jm_field *rows, const char *doc, bool answer);
/** A value that fits the field. */
struct json_object *openapi_sample(const struct jm_field *f);
/** An object that fits its rows.  answer: as the server writes it, else as people send it. */
struct json_object *openapi_example(const struct jm_field *rows, bool answer);
/** { "$ref": "#/components/<kind>/<name>" } */
struct json_object *openapi_ref(const char *kind, const char *name);
/** Name of the object with these rows. */
const char *openapi_name(const struct jm_field *rows);
#endif
