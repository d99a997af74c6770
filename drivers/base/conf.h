#ifndef BY_DRIVERS_BASE_CONF_H
#define BY_DRIVERS_BASE_CONF_H
/* Configuration: an INI file ([section], key = value, comments with # or ;) read through one table
 * of rows into a struct.  Everything that is not exactly right is fatal and names its line: unknown
 * section or key, a key given twice, a value out of range, a line that is too long (inih would cut
 * it), control characters.  The sample file comes from the same rows.  Threads: none shared. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/base/error.h"
#include "drivers/base/strbuf.h"

enum conf_type {
    CONF_INT,  /* int64_t, min..max; the unit is in the key's name */
    CONF_BOOL, /* bool: yes or no */
    CONF_STR,  /* char[size]; min, max: length (0, 0: whatever fits) */
    CONF_PATH, /* char[size]: as CONF_STR, but absolute or empty */
};

struct conf_row {
    const char *section, *key; /* a row with key NULL ends the table */
    enum conf_type type;
    size_t off, size;
    const char *def; /* NULL: must be set in the file */
    int64_t min, max;
    const char *help;
};
/* Use as: {"store", "file", CONF_PATH, CONF_AT(struct settings, store_file), "/var/…", 0, 0, "…"}
 */
#define CONF_AT(type, member) offsetof(type, member), sizeof(((type *)NULL)->member)

#define CONF_MAX_BYTES 65536 /* of a file */
#define CONF_MAX_LINE 190    /* bytes of a line */

/** Read a file into *out, which is written only on success; rows that the file leaves out get their
 * default.  INVALID with file and line, NOT_FOUND when there is no such file. */
int conf_load(const char *file, const struct conf_row *rows, size_t out_size, void *out,
              struct err *e);
/** The same from text; name stands for the file in messages. */
int conf_parse(const char *name, const char *text, size_t len, const struct conf_row *rows,
               size_t out_size, void *out, struct err *e);
/** Append a sample file: every row with its help and default. */
void conf_sample(const struct conf_row *rows, struct strbuf *out);
/** 0 when the table itself is sound (types fit, defaults are valid, no row twice). */
int conf_check(const struct conf_row *rows, size_t out_size, struct err *e);
#endif
