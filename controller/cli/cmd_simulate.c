/* The policy of the agents, run here on a case file, with nothing but the file. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"
#include "drivers/codec/reccase.h"
#include "policies/recname.h"
#include "policies/reconcile.h"

#define MARK "\"expect\":"

struct sim_line { /* an action, or what is seen of a resource */
    const char *op, *reason, *resource, *seen;
    bool equal;
};
struct sim_answer {
    struct jm_list actions, seen;
};

#define TEXT(m)                                                                                    \
    .name = #m, .type = JM_TEXT, .off = offsetof(struct sim_line, m), .size = sizeof(char *),      \
    .max = 4096
static const struct jm_field action_rows[] = {
    {TEXT(op)}, {TEXT(reason)}, {TEXT(resource)}, {.name = NULL}};
static const struct jm_field seen_rows[] = {{.name = "equal",
                                             .type = JM_BOOL,
                                             .flags = JM_KEEP0,
                                             .off = offsetof(struct sim_line, equal),
                                             .size = sizeof(bool)},
                                            {TEXT(reason)},
                                            {TEXT(resource)},
                                            {TEXT(seen)},
                                            {.name = NULL}};
#undef TEXT
#define LIST(m, rows)                                                                              \
    .name = #m, .type = JM_LIST, .flags = JM_KEEP0, .off = offsetof(struct sim_answer, m),         \
    .size = sizeof(struct jm_list), .max = 10000, .sub = (rows),                                   \
    .sub_size = sizeof(struct sim_line)
static const struct jm_field answer_rows[] = {
    {LIST(actions, action_rows)}, {LIST(seen, seen_rows)}, {.name = NULL}};
#undef LIST

static int
print_json(struct cli *c, const struct rec_world *w, struct err *e)
{
    struct rec_action *act = arena_alloc(&c->a, (w->n_wants + 1) * sizeof(*act));
    struct sim_line *line = arena_alloc(&c->a, (2 * w->n_wants + 1) * sizeof(*line));
    struct sim_answer out = {.actions = {.items = line}};

    out.actions.n = reconcile(w, act, w->n_wants);
    for (size_t i = 0; i < out.actions.n; i++)
        *line++ = (struct sim_line){.op = rec_op_name(act[i].op),
                                    .reason = act[i].reason,
                                    .resource = w->wants[act[i].want].id};
    out.seen = (struct jm_list){.items = line, .n = w->n_wants};
    for (size_t i = 0; i < w->n_wants; i++) {
        struct rec_verdict v = reconcile_judge(w, &w->wants[i]);

        *line++ = (struct sim_line){.equal = v.equal,
                                    .reason = v.reason,
                                    .resource = w->wants[i].id,
                                    .seen = rec_seen_name(v.seen)};
    }
    return cli_print_one(c, answer_rows, &out, e);
}

int
cmd_simulate(struct cli *c, struct err *e)
{
    SCOPED(strbuf) struct strbuf answer = {0};
    struct rec_world w;
    const char *text, *expect;
    size_t len;

    if (cli_read_file(c, c->argv[0], 4u << 20, &text, &len, e) < 0)
        return -1;
    if (reccase_read(text, len, &c->a, &w, e) < 0)
        return err_wrap(e, "%s", c->argv[0]);
    reccase_answer(&w, &answer);
    if (cli_opt(c, "json") == NULL)
        printf("%s\n", strbuf_peek(&answer));
    else if (print_json(c, &w, e) < 0)
        return -1;
    expect = strstr(text, MARK); /* written by the same function, so compared as text */
    if (expect == NULL)
        return 0;
    expect += sizeof(MARK);
    if (strncmp(expect, strbuf_peek(&answer), answer.len) != 0)
        return err_set(e, BY_E_CONFLICT, "%s expects something else", c->argv[0]);
    cli_line(c, stderr, "as %s expects", c->argv[0]);
    return 0;
}
