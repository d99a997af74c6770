#include "controller/paths.h"

#include <stdio.h>

int
paths_join(const char *dir, const char *file, char *out, size_t size, struct err *e)
{
    if (snprintf(out, size, "%s/%s", dir, file) >= (int)size)
        return err_set(e, BY_E_INVALID, "the path %s/%s is too long", dir, file);
    return 0;
}
