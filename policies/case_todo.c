#include "policies/case_todo.h"

#include <stddef.h>

static const struct case_todo todos[CASE_KIND__MAX][CASE_STATE__MAX] = {
#define DOES(k, s, words, cmd, r) [CASE_##k][CASE_IS_##s] = {words, cmd, r},
#include "policies/case_todo.def"
#undef DOES
};

const struct case_todo *
case_todo_of(enum case_kind kind, enum case_state s)
{
    const struct case_todo *t =
        kind < CASE_KIND__MAX && s < CASE_STATE__MAX ? &todos[kind][s] : &todos[0][0];

    return t->todo == NULL ? NULL : t;
}
