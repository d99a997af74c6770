#ifndef BY_TESTS_UNIT_TMPDIR_H
#define BY_TESTS_UNIT_TMPDIR_H
/* A folder for one test under TMPDIR, gone with the scope.  Aborts when it cannot be made. */
#include "drivers/base/scope.h"

char *tmpdir_new(void);       /* the caller's; tmpdir_free() */
void tmpdir_free(char *path); /* removes the tree; NULL is fine */
/** How many entries dir/sub has. */
int tmpdir_count(const char *dir, const char *sub);

static inline void
tmpdir_scope(char **p)
{
    tmpdir_free(*p);
    *p = NULL;
}
#endif
