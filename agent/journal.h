#ifndef BY_AGENT_JOURNAL_H
#define BY_AGENT_JOURNAL_H
/* A folder with one append-only file of checksummed lines: what is added is durable when
 * journal_append() returns, at the cost of one fdatasync for any number of lines.  A torn last
 * append (power cut) is dropped on opening; damage before intact lines is not: it is reported.
 *
 * The file carries the id of its folder, given by the caller, who keeps that id in another place:
 * a folder that is gone, empty or another's is found by it.  Threads: one owner. */
#include <stdbool.h>
#include <stddef.h>

#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/base/strbuf.h"

struct journal;

/** One intact line, in order of writing. */
typedef int (*journal_line)(void *arg, const char *text, size_t len, struct err *e);

/** Make the folder and an empty file in it, durable.  A file that is there is CONFLICT. */
int journal_create(const char *dir, const char *id, struct err *e);
/** Open and read all lines.  Not writable: only read, and a torn end is left as it is.  NOT_FOUND:
 * no folder, no file, or another id; CONFLICT: damaged before its end.  Both mean that what it held
 * is lost. */
int journal_open(const char *dir, const char *id, bool writable, journal_line each, void *arg,
                 struct journal **out, struct err *e);
void journal_free(struct journal *j); /* NULL is fine */
/** Put one line into *batch, framed; text is without newlines. */
void journal_frame(struct strbuf *batch, const char *text, size_t len);
/** Make a batch of framed lines durable.  On -1 none of it may be acted on; after a failed sync the
 * caller rewrites, since nobody knows what is on the disk. */
int journal_append(struct journal *j, const struct strbuf *batch, struct err *e);
/** Replace the whole content by this batch, durable (temp, fsync, rename, fsync of the folder). */
int journal_rewrite(struct journal *j, const struct strbuf *batch, struct err *e);
/** Bytes in the file. */
size_t journal_size(const struct journal *j);
/** Move a lost folder's remains aside (DIR/log.lost-N), so that journal_create() can begin anew. */
int journal_put_aside(const char *dir, struct err *e);

SCOPE_FN(journal_free, struct journal)
#endif
