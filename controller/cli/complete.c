/* Completion for bash and zsh: one function of plain shell finds what can stand there, the rest is
 * each shell's own.  Names that there are come from `bianyun completion KIND`, which is quick or
 * silent. */
#include "controller/cli/complete.h"

#include <string.h>

#include "controller/cli/commands.h"

#define COMPLETE_MS 1500 /* a person waits with a finger on the key */

const struct complete_row complete_rows[] = {
#define COMPLETE(kind, words, path, l, item, field)                                                \
    {#kind,                                                                                        \
     words,                                                                                        \
     path,                                                                                         \
     schema_##l,                                                                                   \
     sizeof(struct w_##l),                                                                         \
     sizeof(struct w_##item),                                                                      \
     offsetof(struct w_##item, field)},
#include "controller/cli/complete.def"
#undef COMPLETE
    {0}};

const struct complete_row *
complete_of(const char *word)
{
    size_t n = strlen(word);

    for (const struct complete_row *r = complete_rows; r->kind != NULL && n > 0; r++)
        for (const char *p = r->words; (p = strstr(p, word)) != NULL; p += n)
            if (p[-1] == ' ' && p[n] == ' ') /* rows begin and end with a blank */
                return r;
    return NULL;
}

/* One a line; what cannot be had is no news to somebody who is typing. */
static int
print_names(struct cli *c, const struct complete_row *r)
{
    const struct jm_field *items = cli_field(r->list, "items", 5);
    const struct jm_list *l;
    struct err none = {0};
    char *list = arena_alloc(&c->a, r->list_size);

    c->timeout_ms = COMPLETE_MS;
    if (c->url[0] == '\0' ||
        cli_call(c, "GET", r->path, NULL, NULL, r->list, r->list_size, list, &none) < 0)
        return 0;
    l = (const struct jm_list *)(const void *)(list + items->off);
    for (size_t i = 0; i < l->n; i++)
        printf("%s\n", (const char *)l->items + i * r->item_size + r->name_off);
    return 0;
}

/* ---- scripts -----------------------------------------------------------------------------------
 */

static void
print_nouns(void)
{
    const char *last = "";

    for (const struct command *k = commands; k->noun != NULL; k++) {
        if (strcmp(k->noun, last) != 0)
            printf("%s ", k->noun);
        last = k->noun;
    }
}

static void
print_verbs(const char *noun)
{
    for (const struct command *k = commands; k->noun != NULL; k++)
        if (strcmp(k->noun, noun) == 0)
            printf("%s ", k->verb);
}

/* What the value of an option can be. */
static void
print_values(void)
{
    printf("  case $3 in\n");
    for (const struct option_row *o = option_rows; o->name != NULL; o++) {
        char word[48];
        const struct complete_row *r;

        (void)snprintf(word, sizeof(word), "--%s", o->name);
        r = complete_of(word);
        if (r != NULL)
            printf("    %s) by_kind=%s; return ;;\n", word, r->kind);
        else if (strcmp(o->name, "profile") == 0)
            printf("    %s) by_kind=profiles; return ;;\n", word);
        else if (o->arg != NULL && o->arg[strspn(o->arg, "abcdefghijklmnopqrstuvwxyz|")] == '\0')
            printf("    %s) by_words='%s'; by_words=${by_words//|/ }; return ;;\n", word, o->arg);
        else if (o->arg != NULL)
            printf("    %s) return ;;\n", word);
    }
    printf("  esac\n");
}

static void
print_command_case(const struct command *k)
{
    const struct complete_row *r = complete_of(k->args);

    printf("    '%s %s') by_options='", k->noun, k->verb);
    for (const struct option_row *o = option_rows; o->name != NULL; o++)
        if (o->global || options_taken(k, o->name))
            printf("--%s ", o->name);
    printf("'");
    if (r != NULL)
        printf(" by_kind=%s", r->kind);
    else if (strncmp(k->noun, "profiles", 8) == 0 && k->args[0] != '\0')
        printf(" by_kind=profiles");
    else if (strcmp(k->noun, "completion") == 0)
        printf(" by_words='bash zsh'");
    printf(" ;;\n");
}

/* _bianyun_at INDEX NOUN PREVIOUS WORD VERB: sets by_words, by_options, by_kind. */
static void
print_at(void)
{
    const char *last = "";

    printf("_bianyun_at() {\n  by_words= by_options= by_kind=\n");
    printf("  if [ \"$1\" = 1 ]; then by_words='");
    print_nouns();
    printf("'; return; fi\n");
    print_values();
    printf("  local by_verb=\n  case $2 in\n");
    for (const struct command *k = commands; k->noun != NULL; k++) {
        if (strcmp(k->noun, last) == 0 || k->verb[0] == '\0')
            continue;
        last = k->noun;
        printf("    %s) by_verb=$5; if [ \"$1\" = 2 ]; then by_words='", k->noun);
        print_verbs(k->noun);
        printf("'; return; fi ;;\n");
    }
    printf("  esac\n  case \"$2 $by_verb\" in\n");
    for (const struct command *k = commands; k->noun != NULL; k++)
        print_command_case(k);
    printf("  esac\n  case $4 in -*) by_words=$by_options by_kind= ;; esac\n}\n");
}

static void
print_bash(void)
{
    printf("_bianyun() {\n"
           "  local by_words by_options by_kind by_one cur=${COMP_WORDS[COMP_CWORD]}\n"
           "  _bianyun_at \"$COMP_CWORD\" \"${COMP_WORDS[1]}\" \"${COMP_WORDS[COMP_CWORD-1]}\" "
           "\"$cur\" \"${COMP_WORDS[2]}\"\n"
           "  COMPREPLY=()\n"
           "  for by_one in $by_words; do [[ $by_one = \"$cur\"* ]] && COMPREPLY+=(\"$by_one\"); "
           "done\n"
           "  [ -z \"$by_kind\" ] || while IFS= read -r by_one; do\n"
           "    printf -v by_one %%q \"$by_one\"\n"
           "    [[ $by_one = \"$cur\"* ]] && COMPREPLY+=(\"$by_one\")\n"
           "  done < <(bianyun completion \"$by_kind\" 2>/dev/null)\n"
           "  [ -n \"$by_words$by_kind\" ] || while IFS= read -r by_one; do "
           "COMPREPLY+=(\"$by_one\"); done < <(compgen -f -- \"$cur\")\n}\n"
           "complete -o filenames -F _bianyun bianyun\n");
}

static void
print_zsh(void)
{
    printf("_bianyun() {\n"
           "  local by_words by_options by_kind\n  local -a by_names\n"
           "  _bianyun_at $((CURRENT - 1)) \"${words[2]}\" \"${words[CURRENT-1]}\" "
           "\"${words[CURRENT]}\" \"${words[3]}\"\n"
           "  by_names=(${=by_words})\n"
           "  [ -z \"$by_kind\" ] || by_names+=(\"${(@f)$(bianyun completion $by_kind "
           "2>/dev/null)}\")\n"
           "  by_names=(${by_names:#})\n"
           "  if [ -n \"$by_words$by_kind\" ]; then compadd -a by_names; else _files; fi\n}\n"
           "if [ \"$funcstack[1]\" = _bianyun ]; then _bianyun \"$@\"; else compdef _bianyun "
           "bianyun; fi\n");
}

int
cmd_completion(struct cli *c, struct err *e)
{
    const char *what = c->argv[0];

    if (strcmp(what, "bash") == 0 || strcmp(what, "zsh") == 0) {
        bool zsh = what[0] == 'z';

        if (zsh)
            printf("#compdef bianyun\n");
        print_at();
        if (zsh)
            print_zsh();
        else
            print_bash();
        return 0;
    }
    for (const struct complete_row *r = complete_rows; r->kind != NULL; r++)
        if (strcmp(r->kind, what) == 0)
            return print_names(c, r);
    if (strcmp(what, "profiles") == 0)
        return profile_names(c);
    return err_set(e, BY_E_INVALID, "completion is made for bash and zsh, not for '%s'", what);
}
