/* The policy of the agents, run here on a case file, with nothing but the file. */
#include <stdio.h>
#include <string.h>

#include "controller/cli/commands.h"
#include "drivers/codec/reccase.h"

#define MARK "\"expect\":"

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
    printf("%s\n", strbuf_peek(&answer));
    expect = strstr(text, MARK); /* written by the same function, so compared as text */
    if (expect == NULL)
        return 0;
    expect += sizeof(MARK);
    if (strncmp(expect, strbuf_peek(&answer), answer.len) != 0)
        return err_set(e, BY_E_CONFLICT, "%s expects something else", c->argv[0]);
    fprintf(stderr, "as %s expects\n", c->argv[0]);
    return 0;
}
