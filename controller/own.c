#include "controller/own.h"

#include <string.h>

const char *
own_filter(const struct api_call *k)
{
    /* An unset role sees the things of unit "none", which is nothing. */
    if (k->who.role == ROLE_NONE)
        return "none";
    return k->who.role == ROLE_TENANT ? k->who.unit : "";
}

int
own_check(const struct api_call *k, const char *unit, const char *what, struct err *e)
{
    const char *mine = own_filter(k);

    if (mine[0] == '\0' || (unit[0] != '\0' && strcmp(mine, unit) == 0))
        return 0;
    return err_set(e, BY_E_NOT_FOUND, "no such %s among those of your unit", what);
}
