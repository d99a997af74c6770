#include "drivers/db/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "drivers/base/scope.h"

static enum err_code
sqlite_class(int ext, int sys)
{
    switch (ext & 0xff) {
    case SQLITE_CONSTRAINT:
        return ext == SQLITE_CONSTRAINT_UNIQUE || ext == SQLITE_CONSTRAINT_PRIMARYKEY ||
                       ext == SQLITE_CONSTRAINT_FOREIGNKEY || ext == SQLITE_CONSTRAINT_ROWID ||
                       ext == SQLITE_CONSTRAINT_TRIGGER
                   ? BY_E_CONFLICT
                   : BY_E_BUG;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return BY_E_BUSY;
    case SQLITE_FULL:
        return BY_E_NO_SPACE;
    case SQLITE_NOMEM:
        return BY_E_NOMEM;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return BY_E_DENIED;
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
        if (sys == ENOSPC || sys == EDQUOT)
            return BY_E_NO_SPACE;
        return sys == ENOENT ? BY_E_NOT_FOUND : BY_E_IO;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return BY_E_IO;
    case SQLITE_TOOBIG:
        return BY_E_TOO_LARGE;
    default:
        return BY_E_BUG;
    }
}

static const char *
sqlite_advice(int ext)
{
    switch (ext & 0xff) {
    case SQLITE_FULL:
        return "; free space on the disk of the store";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "; the file is damaged or not a store: restore a backup";
    case SQLITE_BUSY:
        return "; another process holds the store";
    default:
        return "";
    }
}

int
sqlite_err(sqlite3 *s, const char *what, struct err *e)
{
    int ext = s == NULL ? SQLITE_NOMEM : sqlite3_extended_errcode(s);
    int sys = s == NULL ? 0 : sqlite3_system_errno(s);

    return err_set(e, sqlite_class(ext, sys), "%s: %s%s", what,
                   s == NULL ? "out of memory" : sqlite3_errmsg(s), sqlite_advice(ext));
}

int
sqlite_run(sqlite3 *s, const char *sql, struct err *e)
{
    if (sqlite3_exec(s, sql, NULL, NULL, NULL) != SQLITE_OK)
        return sqlite_err(s, "store", e);
    return 0;
}

static int
sqlite_copy_pages(sqlite3 *from, const char *path, struct err *e)
{
    sqlite3 *to = NULL;
    sqlite3_backup *b;
    int rc = -1;

    if (sqlite3_open_v2(path, &to, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        rc = sqlite_err(to, path, e);
    else if ((b = sqlite3_backup_init(to, "main", from, "main")) == NULL)
        rc = sqlite_err(to, path, e);
    else {
        /* One step: a copy in pieces starts again whenever another connection writes. */
        (void)sqlite3_backup_step(b, -1);
        rc = sqlite3_backup_finish(b) == SQLITE_OK ? 0 : sqlite_err(to, path, e);
    }
    if (sqlite3_close(to) != SQLITE_OK && rc == 0)
        rc = err_set(e, BY_E_IO, "%s: closing the copy failed", path);
    return rc;
}

static int
sqlite_sync(const char *path, int flags, struct err *e)
{
    SCOPED(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

    if (fd < 0 || fsync(fd) < 0)
        return err_set(e, errno == ENOSPC ? BY_E_NO_SPACE : BY_E_IO, "%s: %s", path,
                       strerror(errno));
    return 0;
}

static int
sqlite_publish(const char *tmp, const char *path, struct err *e)
{
    char dir[4096];

    if (sqlite_sync(tmp, 0, e) < 0)
        return -1;
    if (rename(tmp, path) < 0)
        return err_set(e, BY_E_IO, "%s: %s", path, strerror(errno));
    (void)snprintf(dir, sizeof(dir), "%s", path);
    return sqlite_sync(dirname(dir), O_DIRECTORY, e);
}

int
sqlite_copy(sqlite3 *s, const char *path, struct err *e)
{
    char tmp[4096];
    int fd, rc;

    if (snprintf(tmp, sizeof(tmp), "%s.part", path) >= (int)sizeof(tmp))
        return err_set(e, BY_E_INVALID, "the path of the copy is too long");
    (void)unlink(tmp); /* of an earlier copy that did not end */
    fd = open(tmp, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(e, errno == ENOSPC ? BY_E_NO_SPACE : BY_E_IO, "%s: %s", tmp,
                       strerror(errno));
    (void)close(fd); /* empty; SQLite opens it again */
    rc = sqlite_copy_pages(s, tmp, e);
    if (rc == 0)
        rc = sqlite_publish(tmp, path, e);
    if (rc < 0)
        (void)unlink(tmp); /* the first error counts */
    return rc;
}
