#ifndef BY_DRIVERS_CODEC_JMAP_H
#define BY_DRIVERS_CODEC_JMAP_H
/* JSON <-> struct from one table of fields.  The same rows parse, check limits, write, and print
 * documentation.  Reading: strict pre-scan (jscan.h), json-c, then the rows.  Writing: always the
 * canonical form (RFC 8785: keys sorted by code unit, no blanks; numbers are integers only).
 * Threads: none shared; an arena has one owner. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/strbuf.h"

enum jm_type {
    JM_STR,  /* char[size] in the struct, NUL-terminated; .cls checks its form */
    JM_TEXT, /* const char * into the arena, at most .max bytes; NULL when absent */
    JM_U32,
    JM_U64,
    JM_I64,
    JM_BOOL,
    JM_ENUM, /* int; .names is a NULL-terminated list, index = value; index 0 is "not given" */
    JM_OBJ,  /* a struct by value, .sub its rows */
    JM_LIST, /* struct jm_list of structs of .sub_size bytes, .sub their rows; at most .max */
};

/* The form of a JM_STR or JM_TEXT.  Checked when reading. */
enum jm_class {
    JM_ANY,    /* UTF-8 without control characters but newline and tab */
    JM_LINE,   /* as JM_ANY on one line */
    JM_NAME,   /* a display name: JM_LINE without < > & quotes ` $ ; | * ? / \ and no blank or dot
                  at either end; Chinese is welcome */
    JM_HOST,   /* RFC 1123 label, lower case */
    JM_UUID,   /* 8-4-4-4-12 lower-case hex */
    JM_SHA256, /* 64 lower-case hex digits */
    JM_MAC,    /* aa:bb:cc:dd:ee:ff, lower case, not multicast */
    JM_IPV4,   /* dotted quad */
    JM_CIDR4,  /* dotted quad/prefix 8..30, host bits zero */
};

enum {
    JM_REQ = 1 << 0,    /* refuse a document without it */
    JM_RO = 1 << 1,     /* written by the server; refused from people */
    JM_SECRET = 1 << 2, /* never logged; written only where the schema itself is for that */
    JM_KEEP0 = 1 << 3,  /* write zero and empty too (default: leave them out) */
};

struct jm_list {
    void *items; /* n structs of .sub_size bytes, in the arena */
    size_t n;
};

struct jm_field {
    const char *name, *doc; /* a row with name NULL ends the table */
    enum jm_type type;
    unsigned flags;
    enum jm_class cls;
    size_t off, size;
    int64_t min,
        max; /* integers: the range (0,0 = any non-negative); TEXT: max bytes; LIST: max n */
    const char *const *names;
    const struct jm_field *sub;
    size_t sub_size;
};

enum jm_mode {
    JM_PEOPLE, /* unknown keys and read-only fields are refused: people, and signed documents */
    JM_SIGNED, /* unknown keys are refused; read-only fields are fine */
    JM_PEER,   /* unknown keys are ignored: newer peers */
};

/** Read text into *out (zeroed first).  Strings and lists live in the arena.  On failure e->field
 * is the path of the field at fault ("lines[2].vcpus") and *out is zeroed. */
int jm_decode(const char *text, size_t len, const struct jm_field *schema, size_t out_size,
              enum jm_mode mode, struct arena *a, void *out, struct err *e);
/** Append the canonical form of *in.  A free text (JM_ANY, JM_LINE) is made such that a reader
 * takes it: bad bytes and control characters replaced, line ends of a JM_LINE blanked, a JM_TEXT
 * cut at its max. */
void jm_encode(const struct jm_field *schema, const void *in, struct strbuf *out);
/** 0 when every row's offset, size and limits fit its type; for start-up and tests. */
int jm_schema_check(const struct jm_field *schema, struct err *e);

#define JM_ITEM(list, type, i) (&((type *)(list).items)[i])
#endif
