#include "drivers/base/signals.h"

#include <stddef.h>

void
signals_hold(sigset_t *ends)
{
    (void)sigemptyset(ends);
    (void)sigaddset(ends, SIGTERM);
    (void)sigaddset(ends, SIGINT);
    (void)sigprocmask(SIG_BLOCK, ends, NULL); /* cannot fail with these arguments */
    (void)signal(SIGPIPE, SIG_IGN);
}
