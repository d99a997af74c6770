#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/net/httpd.h"
#include "tests/seeds/sim.h"

static sqlite3 *db;

static void
query_open(void)
{
    if (db == NULL &&
        sqlite3_open_v2(sim.f.ctl.c.store_path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        fprintf(stderr, "seeds: store: %s\n", sqlite3_errmsg(db));
        abort();
    }
}

void
query_close(void)
{
    (void)sqlite3_close_v2(db);
    db = NULL;
}

static sqlite3_stmt *
prepare(const char *sql)
{
    sqlite3_stmt *s = NULL;

    query_open();
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) {
        fprintf(stderr, "seeds: %s: %s\n", sql, sqlite3_errmsg(db));
        abort();
    }
    return s;
}

int64_t
query_int(const char *sql)
{
    sqlite3_stmt *s = prepare(sql);
    int64_t out = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;

    (void)sqlite3_finalize(s);
    return out;
}

int
query_rows(const char *sql, struct query_row *out, int max)
{
    sqlite3_stmt *s = prepare(sql);
    int n = 0;

    while (n < max && sqlite3_step(s) == SQLITE_ROW) {
        memset(&out[n], 0, sizeof(out[n]));
        for (int i = 0; i < sqlite3_column_count(s) && i < 10; i++)
            (void)snprintf(out[n].col[i], sizeof(out[n].col[i]), "%s",
                           (const char *)sqlite3_column_text(s, i));
        n++;
    }
    (void)sqlite3_finalize(s);
    return n;
}

/* Nobody asks for what is not served. */
void
httpd_reply_allow(struct http_req *r, const char *allow, const struct err *e)
{
    (void)allow;
    httpd_reply_err(r, e, NULL);
}
