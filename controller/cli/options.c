/* The rows of commands.def and options.def, and what was given of them. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/cli/commands.h"
#include "drivers/codec/jclass.h"
#include "drivers/codec/utf8.h"

#define LISTS "all count csv limit out timeout watch"
const struct command commands[] = {
#define CMD(noun, verb, handler, args, options, help) {noun, verb, handler, args, options, help},
#include "controller/cli/commands.def"
#undef CMD
    {0}};
#undef LISTS

const struct option_row option_rows[] = {
#define GLOBAL(name, arg, help) {name, arg, help, true},
#define OPTION(name, arg, help) {name, arg, help, false},
#include "controller/cli/options.def"
#undef GLOBAL
#undef OPTION
    {0}};

static bool
word_in(const char *list, const char *word)
{
    size_t n = strlen(word);

    for (const char *p = list; (p = strstr(p, word)) != NULL; p += n)
        if ((p == list || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
            return true;
    return false;
}

bool
options_taken(const struct command *k, const char *name)
{
    return word_in(k->options, name);
}

bool
options_list(const struct command *k)
{
    return options_taken(k, "csv"); /* no other command takes it */
}

/* Which row the words name; *used counts the words taken. */
const struct command *
options_command(int argc, char **argv, int *used)
{
    for (const struct command *k = commands; k->noun != NULL; k++) {
        if (argc < 1 || strcmp(k->noun, argv[0]) != 0)
            continue;
        if (k->verb[0] == '\0') {
            *used = 1;
            return k;
        }
        if (argc >= 2 && strcmp(k->verb, argv[1]) == 0) {
            *used = 2;
            return k;
        }
    }
    return NULL;
}

/* How many words an option of every command takes here; 0: it is none. */
static int
global_words(const char *at)
{
    for (const struct option_row *o = option_rows; o->name != NULL; o++) {
        size_t n = strlen(o->name);

        if (o->global && strcmp(o->name, "help") != 0 && strncmp(at, "--", 2) == 0 &&
            strncmp(at + 2, o->name, n) == 0 && (at[n + 2] == '\0' || at[n + 2] == '='))
            return o->arg != NULL && at[n + 2] == '\0' ? 2 : 1;
    }
    return 0;
}

void
options_lead(int argc, char **argv)
{
    char *lead[8];
    int n = 1, words = 1, step;

    while (n < argc && (step = global_words(argv[n])) > 0)
        n += step;
    if (n == 1 || n >= argc || n > (int)ARRAY_LEN(lead))
        return;
    memcpy(lead, argv + 1, (size_t)(n - 1) * sizeof(*lead));
    (void)options_command(argc - n, argv + n, &words);
    memmove(argv + 1, argv + n, (size_t)words * sizeof(*argv));
    memcpy(argv + 1 + words, lead, (size_t)(n - 1) * sizeof(*lead));
}

/* Beginnings of names are not taken: what is one option's today may be two's tomorrow. */
static bool
whole_name(const char *at, const char *name)
{
    size_t n = strlen(name);

    return strncmp(at, "--", 2) == 0 && strncmp(at + 2, name, n) == 0 &&
           (at[2 + n] == '\0' || at[2 + n] == '=');
}

/* What is no text would reach the controller as another text. */
static int
texts_only(int argc, char **argv, struct err *e)
{
    uint32_t cp;

    for (int i = 0; i < argc; i++)
        for (size_t n = strlen(argv[i]), at = 0, step; at < n; at += step)
            if ((step = utf8_next(argv[i] + at, n - at, &cp)) == 0)
                return err_set(e, BY_E_INVALID, "argument %d is not UTF-8 text", i);
    return 0;
}

/* A request id that the server would not take must not become another one. */
static int
request_form(const struct cli *c, struct err *e)
{
    const char *id = cli_opt(c, "request");
    const char *fault = id != NULL ? jclass_fault(JM_UUID, id, strlen(id)) : NULL;

    return fault == NULL ? 0 : err_set(e, BY_E_INVALID, "--request %s", fault);
}

/* An option that this command would take and that looks like this one. */
static int
unknown_option(const struct cli *c, const char *at, struct err *e)
{
    char word[40];
    struct nearest n = {.word = word};
    int len = (int)strcspn(at, "=");

    (void)snprintf(word, sizeof(word), "%.*s", len > 2 ? len - 2 : 0, len > 2 ? at + 2 : "");
    for (const struct option_row *o = option_rows; o->name != NULL; o++)
        if (o->global || (c->cmd != NULL && options_taken(c->cmd, o->name)))
            nearest_try(&n, o->name);
    if (n.best != NULL)
        return err_set(e, BY_E_INVALID, "unknown option %.*s; did you mean --%s?", len, at, n.best);
    return err_set(e, BY_E_INVALID, "unknown option %.*s; see 'bianyun help'", len, at);
}

static int
language(struct cli *c, struct err *e)
{
    const char *l = cli_opt(c, "lang");

    if (l != NULL && strcmp(l, "zh") != 0 && strcmp(l, "en") != 0)
        return err_set(e, BY_E_INVALID, "--lang is zh or en, not '%s'", l);
    return 0;
}

int
options_read(struct cli *c, int argc, char **argv, struct err *e)
{
    struct option longs[ARRAY_LEN(c->values) + 1] = {{0}};
    size_t n = 0;
    int got, index = 0;

    for (; n < ARRAY_LEN(option_rows) - 1 && n < ARRAY_LEN(c->values); n++)
        longs[n] =
            (struct option){option_rows[n].name,
                            option_rows[n].arg != NULL ? required_argument : no_argument, NULL, 1};
    opterr = 0;
    optind = 0;
    while ((got = getopt_long(argc, argv, ":h", longs, &index)) != -1) {
        const struct option_row *o;
        const char *at;

        if (got == 'h') {
            for (index = 0; strcmp(option_rows[index].name, "help") != 0; index++)
                ;
        } else if (got == ':') {
            return err_set(e, BY_E_INVALID, "%s needs a value", argv[optind - 1]);
        } else if (got != 1) {
            return unknown_option(c, argv[optind - 1], e);
        }
        o = &option_rows[index];
        at = argv[optind - (optarg != NULL && optarg == argv[optind - 1] ? 2 : 1)];
        if (got == 1 && !whole_name(at, o->name))
            return unknown_option(c, at, e);
        if (!o->global && (c->cmd == NULL || !options_taken(c->cmd, o->name)))
            return err_set(e, BY_E_INVALID, "--%s does not belong to this command; see --help",
                           o->name);
        c->values[index] = optarg != NULL ? optarg : "";
    }
    c->argc = argc - optind;
    c->argv = argv + optind;
    return texts_only(argc, argv, e) < 0 || language(c, e) < 0 ? -1 : request_form(c, e);
}

/* As many positional arguments as the row names; an empty one names nothing. */
int
options_arguments(const struct cli *c, struct err *e)
{
    int most = c->cmd->args[0] != '\0' ? 1 : 0;
    int want;

    for (const char *p = c->cmd->args; *p != '\0'; p++)
        most += *p == ' ';
    want = c->cmd->args[0] == '[' ? 0 : most; /* [X]: may be left out */

    if (c->argc < want || (c->argc > 0 && most > 0 && c->argv[0][0] == '\0'))
        return err_set(e, BY_E_INVALID, "'bianyun %s%s%s' needs %s", c->cmd->noun,
                       c->cmd->verb[0] != '\0' ? " " : "", c->cmd->verb, c->cmd->args);
    if (c->argc > most)
        return err_set(
            e, BY_E_INVALID, "'%s' is more than this command takes; see 'bianyun %s%s%s --help'",
            c->argv[most], c->cmd->noun, c->cmd->verb[0] != '\0' ? " " : "", c->cmd->verb);
    if (cli_opt(c, "csv") != NULL && cli_opt(c, "json") != NULL)
        return err_set(e, BY_E_INVALID, "say --csv or --json, not both");
    return 0;
}

const char *
cli_opt(const struct cli *c, const char *name)
{
    for (size_t i = 0; option_rows[i].name != NULL; i++)
        if (strcmp(option_rows[i].name, name) == 0)
            return c->values[i];
    return NULL;
}

int
cli_need(const struct cli *c, const char *name, const char **out, struct err *e)
{
    const char *v = cli_opt(c, name);

    if (v == NULL)
        return err_set(e, BY_E_INVALID, "--%s is missing; see 'bianyun %s%s%s --help'", name,
                       c->cmd->noun, c->cmd->verb[0] != '\0' ? " " : "", c->cmd->verb);
    *out = v;
    return 0;
}

int
cli_opt_u64(const struct cli *c, const char *name, uint64_t fallback, uint64_t max, uint64_t *out,
            struct err *e)
{
    const char *v = cli_opt(c, name);
    char *end;

    *out = fallback;
    if (v == NULL)
        return 0;
    errno = 0;
    *out = strtoull(v, &end, 10);
    if (v[strspn(v, "0123456789")] != '\0' || end == v)
        return err_set(e, BY_E_INVALID, "--%s wants a whole number, not '%s'", name, v);
    if (errno != 0 || *out > max)
        return err_set(e, BY_E_INVALID, "--%s is at most %llu, not %s", name,
                       (unsigned long long)max, v);
    return 0;
}

int
cli_copy(char *out, size_t size, const char *field, const char *value, struct err *e)
{
    size_t n = value != NULL ? strlen(value) : 0;

    if (n >= size)
        return err_field(e, BY_E_INVALID, field, "%s has %zu bytes; at most %zu are allowed", field,
                         n, size - 1);
    memcpy(out, value != NULL ? value : "", n + 1);
    return 0;
}

int
cli_opt_ms(const struct cli *c, const char *name, int64_t fallback, int64_t *out, struct err *e)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const char *v = cli_opt(c, name);
    char *end;
    long long n;

    *out = fallback;
    if (v == NULL)
        return 0;
    errno = 0;
    n = strtoll(v, &end, 10);
    for (size_t i = 0; errno == 0 && end != v && n >= 0 && n <= 100000000 && i < ARRAY_LEN(units);
         i++)
        if (strcmp(end, units[i].unit) == 0) {
            *out = n * units[i].ms;
            return 0;
        }
    return err_set(e, BY_E_INVALID, "--%s wants a time such as 30s, 10m, 2h or 15d, not '%s'", name,
                   v);
}
