#ifndef BY_TESTS_UNIT_NOTRUN_H
#define BY_TESTS_UNIT_NOTRUN_H
/* What this machine cannot run is said, never left out in silence.  Threads: one. */

/** what: a line, "segments on this kernel: it has no VXLAN".  It is said at the end of the run, and
 * written into the file that NOT_RUN names, for whoever runs several programs. */
void not_run(const char *what);
void not_run_tell(void);
#endif
