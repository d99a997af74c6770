#ifndef BY_DRIVERS_BASE_SIGNALS_H
#define BY_DRIVERS_BASE_SIGNALS_H
/* The signals that ask a daemon to end. */
#include <signal.h>

/** Hold SIGTERM and SIGINT: one that comes at any moment from now on waits until somebody takes it
 * from *ends with sigwait().  The first act of a daemon's main(): every thread inherits it. SIGPIPE
 * is ignored.  What came before main() has ended a process that had not begun. */
void signals_hold(sigset_t *ends);
#endif
