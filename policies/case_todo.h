#ifndef BY_POLICIES_CASE_TODO_H
#define BY_POLICIES_CASE_TODO_H
/* What somebody does whom a case waits for: case_todo.def.  Pure. */
#include "policies/case_fsm.h"

struct case_todo {
    const char *todo;    /* in words, a key of say_zh.def */
    const char *command; /* # is the number of the case */
    const char *route;   /* {id} is its id */
};

/** NULL: the state waits for nobody. */
const struct case_todo *case_todo_of(enum case_kind kind, enum case_state s);
#endif
