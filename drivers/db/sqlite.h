#ifndef BY_DRIVERS_DB_SQLITE_H
#define BY_DRIVERS_DB_SQLITE_H
/* What db.c and migrate.c share of SQLite: its errors in our words, and copying a store.
 * Threads: the owner of the connection. */
#include <sqlite3.h>

#include "drivers/base/error.h"

/** Fill *e from the newest failure of the handle; what names the thing that failed. Returns -1. */
int sqlite_err(sqlite3 *s, const char *what, struct err *e);
/** Run text that returns nothing. */
int sqlite_run(sqlite3 *s, const char *sql, struct err *e);
/** Copy the store to a file (mode 0600, complete and durable, or absent). */
int sqlite_copy(sqlite3 *s, const char *path, struct err *e);
#endif
