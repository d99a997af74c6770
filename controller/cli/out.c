/* --out of a list: what is printed goes to a new file beside it, which takes the name when all is
 * there and on the disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/cli/cli.h"

int
out_begin(struct cli *c, struct cli_out *o, struct err *e)
{
    const char *path = cli_opt(c, "out");

    *o = (struct cli_out){.fd = -1, .kept = -1};
    if (path == NULL || !options_list(c->cmd))
        return 0;
    if (cli_may_make(path, e) < 0)
        return -1;
    if (snprintf(o->made, sizeof(o->made), "%s.XXXXXX", path) >= (int)sizeof(o->made))
        return err_set(e, BY_E_INVALID, "--out: the name of the file is too long");
    o->fd = mkostemp(o->made, O_CLOEXEC);
    o->kept = o->fd < 0 ? -1 : dup(STDOUT_FILENO);
    if (o->kept < 0 || dup2(o->fd, STDOUT_FILENO) < 0) {
        int errnum = errno;

        if (o->fd >= 0)
            (void)unlink(o->made);
        return err_set(e, BY_E_IO, "cannot make %s: %s", path, strerror(errnum));
    }
    return 0;
}

int
out_end(struct cli *c, struct cli_out *o, int rc, struct err *e)
{
    const char *path = cli_opt(c, "out");

    if (o->fd < 0)
        return rc;
    if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout) != 0 || fsync(o->fd) < 0))
        rc = err_set(e, BY_E_IO, "cannot write %s: %s", path, strerror(errno));
    if (rc == 0 && link(o->made, path) < 0) /* unlike rename() it takes nobody's place */
        rc = err_set(e, errno == EEXIST ? BY_E_CONFLICT : BY_E_IO, "cannot make %s: %s", path,
                     errno == EEXIST ? "it is there already; move it away first" : strerror(errno));
    (void)unlink(o->made); /* its other name */
    __fpurge(stdout);      /* what is left after a failure goes nowhere */
    if (dup2(o->kept, STDOUT_FILENO) < 0 && rc == 0)
        rc = err_set(e, BY_E_IO, "standard output is lost: %s", strerror(errno));
    (void)close(o->kept);
    (void)close(o->fd); /* synced */
    return rc;
}
