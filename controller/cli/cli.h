#ifndef BY_CONTROLLER_CLI_CLI_H
#define BY_CONTROLLER_CLI_CLI_H
/* The command line: a row of commands.def, its arguments and options, the profile, and the calls to
 * the public API.  Results go to standard output, talk to standard error.  One thread. */
#include <stdbool.h>
#include <stdio.h>

#include "drivers/base/arena.h"
#include "drivers/base/error.h"
#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"
#include "policies/say.h"

struct cli;

struct command {
    const char *noun, *verb;
    int (*run)(struct cli *c, struct err *e);
    const char *args, *options, *help;
};
struct option_row {
    const char *name, *arg, *help;
    bool global;
};
extern const struct command commands[]; /* ends with noun NULL */
extern const struct option_row option_rows[];

struct follow;

#define CLI_OPTIONS_MAX 128
#define CLI_COLUMNS_MAX 24

/* Lists that turn ids into names, asked for when the first is met. */
enum cli_named { CLI_UNITS, CLI_SYSTEMS, CLI_HOSTS, CLI_ACCOUNTS, CLI_NAMED__MAX };
struct cli_names {
    bool asked;
    struct jm_list list;
};

struct cli {
    struct arena a; /* everything of this run */
    const struct command *cmd;
    int argc; /* positional arguments */
    char **argv;
    const char *values[CLI_OPTIONS_MAX]; /* by index of option_rows; "" for a flag that is given */
    enum say_lang lang;
    const char *profile;
    int utc_offset_min;    /* of the city's clocks */
    int timeout_ms;        /* of one call; 0: the usual */
    int exit_status;       /* of a run that did not fail */
    bool streamed;         /* the list was printed as it came */
    struct follow *follow; /* --watch of a list, or NULL */
    struct cli_names names[CLI_NAMED__MAX];
    char url[300], ca_file[600], token[160]; /* from the profile */
    struct httpc *http;
    struct w_account me;
};

/** Which row the words name, or NULL; *used counts the words taken. */
const struct command *options_command(int argc, char **argv, int *used);
/** Options of every command that stand before it are moved behind its words. */
void options_lead(int argc, char **argv);
/** Fill values, argc and argv of *c; argv[0] is skipped.  c->cmd says which options belong. */
int options_read(struct cli *c, int argc, char **argv, struct err *e);
/** As many positional arguments as the row names? */
int options_arguments(const struct cli *c, struct err *e);
/** Value of an option, "" for a flag that is given, NULL when absent. */
const char *cli_opt(const struct cli *c, const char *name);
/** As cli_opt(); absent is an error that names the option. */
int cli_need(const struct cli *c, const char *name, const char **out, struct err *e);
/** A whole number of at most max, or the fallback when absent. */
int cli_opt_u64(const struct cli *c, const char *name, uint64_t fallback, uint64_t max,
                uint64_t *out, struct err *e);
/** A value into a field of a request, whole: one that does not fit is refused.  NULL is "". */
int cli_copy(char *out, size_t size, const char *field, const char *value, struct err *e);
/** 500ms, 30s, 10m, 2h, 15d. */
int cli_opt_ms(const struct cli *c, const char *name, int64_t fallback, int64_t *out,
               struct err *e);

/** Call the API.  in (of in_schema) may be NULL; out is zeroed and filled, strings in c->a.
 * A list comes whole, from as many pages as it has. */
int cli_call(struct cli *c, const char *method, const char *path, const struct jm_field *in_schema,
             const void *in, const struct jm_field *out_schema, size_t out_size, void *out,
             struct err *e);
/** pages.c: lists with pages are asked for whole, or as far as --limit goes; a path with a limit of
 * its own asks for that one page. */
bool cli_has_pages(const char *method, const char *path, const struct jm_field *schema);
int cli_pages(struct cli *c, const char *path, const struct jm_field *schema, size_t size,
              void *out, struct err *e);
/** What a list shows: the first 1,000, --limit, or with --all everything. */
int cli_list(struct cli *c, const char *path, const struct jm_field *schema, size_t size, void *out,
             struct err *e);
#define CLI_LIST(c, path, o, out, e) cli_list(c, path, schema_##o, sizeof(struct w_##o), out, e)
/** As cli_call() with bytes as body. */
int cli_send(struct cli *c, const char *method, const char *path, const void *bytes, size_t len,
             const struct jm_field *out_schema, size_t out_size, void *out, struct err *e);
/** The bytes of an answer that is no object (a printable page), in c->a. */
int cli_stream(struct cli *c, const char *path, int (*take)(void *arg, const char *, size_t),
               void *arg, struct err *e);
int cli_fetch(struct cli *c, const char *path, const char **bytes, size_t *len, struct err *e);
#define CLI_GET(c, path, o, out, e)                                                                \
    cli_call(c, "GET", path, NULL, NULL, schema_##o, sizeof(struct w_##o), out, e)
#define CLI_POST(c, path, i, in, o, out, e)                                                        \
    cli_call(c, "POST", path, schema_##i, in, schema_##o, sizeof(struct w_##o), out, e)
/** The request id of this run: --request or a new one. */
void cli_request_id(struct cli *c, char out[W_ID]);
/** path with ?name=value (or &name=value) added; a value that is NULL or "" adds nothing. */
const char *cli_query(struct cli *c, const char *path, const char *name, const char *value);
/** Percent-encoded for a path or query. */
const char *cli_escape(struct cli *c, const char *s);

/* Things by id or unique name. */
int cli_find_unit(struct cli *c, const char *name, struct w_unit *out, struct err *e);
/** The shortest time in the recycle bin that the policy in force allows: the default of a grant. */
int cli_least_hold(struct cli *c, int64_t *out, struct err *e);
int cli_find_system(struct cli *c, const char *name, struct w_system *out, struct err *e);
int cli_find_account(struct cli *c, const char *name, struct w_account *out, struct err *e);
int cli_find_host(struct cli *c, const char *name, struct w_host_view *out, struct err *e);
int cli_find_pool(struct cli *c, const char *name, struct w_pool_item *out, struct err *e);
/** By id, SHA-256, NAME of which one is published, or NAME:VERSION. */
int cli_find_image(struct cli *c, const char *name, struct w_image_view *out, struct err *e);
/** In the JSON of a draft, the names of images under "lines" become their hashes, and each is told
 * on standard error; *out is the text to go on with. */
int cli_resolve_images(struct cli *c, const char *text, const char **out, struct err *e);
int cli_find_resource(struct cli *c, const char *name, struct w_resource_view *out, struct err *e);
/** Of that kind (RES_NONE: any); cli_find_resource() looks for the kind of the command's noun. */
int cli_find_kind(struct cli *c, int kind, const char *name, struct w_resource_view *out,
                  struct err *e);
int cli_find_grant(struct cli *c, const char *name, struct w_grant_view *out, struct err *e);

/** Hash of the document that an option names; absent and not required: of nothing. */
int cli_hash_paper(struct cli *c, const char *option, bool required, char out[W_HASH],
                   struct err *e);

/** A list as a table (libsmartcols: aligned for Chinese), or JSON with --json; at most --limit
 * items. columns: field names separated by blanks, at most CLI_COLUMNS_MAX; values as people read
 * them (values.c).  Where a row has both a name and an id, show the name first and the id last. */
int cli_print_list(struct cli *c, const struct jm_field *list_schema, const void *list,
                   const char *columns, struct err *e);
/** The same of an object whose list has another name than items. */
int cli_print_part(struct cli *c, const struct jm_field *schema, const char *name, const void *obj,
                   const char *columns, struct err *e);
/** One object as "field  value" lines, or JSON. */
int cli_print_one(struct cli *c, const struct jm_field *schema, const void *obj, struct err *e);
/** What a request made, and with --watch follow its orders to the end. */
int cli_print_accepted(struct cli *c, const struct w_accepted *acc, struct err *e);

/** How many rows a list has, as --count says it. */
void cli_count(struct cli *c, const struct w_list_count *n);
/** A row of CSV as people read it: names for ids, but where a column of the row has the name. */
void cli_csv_row(struct cli *c, const struct jm_field *schema, const void *row, struct strbuf *out);

/* stream.c: --all with --csv or --json is one stream, of one moment, printed row by row. */
bool stream_fits(const struct cli *c, const char *path, const struct jm_field *schema);
int stream_list(struct cli *c, const char *path, const struct jm_field *schema, struct err *e);

/* follow.c: --watch of a list, until --timeout or ^C; also while the controller starts again. */
bool follow_wanted(const struct cli *c);
int follow_run(struct cli *c, struct err *e);
/** The list, when there is another than before; else it counts as printed. */
int follow_list(struct cli *c, const char *path, const struct jm_field *schema, size_t size,
                void *out, struct err *e);
/** A row that is printed: true when it was not there, or not so, before. */
bool follow_row(struct cli *c, const char *key, const char *text);
bool follow_first(const struct cli *c);
/** All rows are printed: those that are gone follow. */
void follow_end(struct cli *c);

/* out.c: --out of a list: what is printed goes to a file that is there when it is whole. */
struct cli_out {
    int fd, kept; /* the new file; standard output meanwhile; -1: none */
    char made[512];
};
int out_begin(struct cli *c, struct cli_out *o, struct err *e);
/** rc: of the command.  Not 0, or what cannot be written: nothing is left. */
int out_end(struct cli *c, struct cli_out *o, int rc, struct err *e);

/** Wait until all orders are read back or superseded, or --timeout; progress on standard error. */
int watch_orders(struct cli *c, const struct w_accepted *acc, struct err *e);

/** A text file, whole and NUL-terminated; "-" is standard input.  A NUL byte is refused. */
int cli_read_file(struct cli *c, const char *path, size_t max, const char **text, size_t *len,
                  struct err *e);
/** Whether a file can be made there, asked before something is done that cannot be asked for twice.
 */
int cli_may_make(const char *path, struct err *e);
/** Write a new file, mode as given; an existing one is CONFLICT. */
int cli_write_file(const char *path, const char *text, size_t len, unsigned mode, struct err *e);

/* values.c */
bool cli_ends_with(const char *s, const char *tail);
/** A line for people, put into the language of this run: talk goes to stderr. */
void cli_line(struct cli *c, FILE *f, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/** A sentence of ours, from whichever program, in the language of this run. */
const char *cli_sentence(struct cli *c, const char *english);
/** Blanks that a label lacks to be so wide on a terminal; a Chinese character takes two. */
int cli_pad(const char *label, int want);
/** Ask now for the lists by which a row of this schema names things. */
void cli_names(struct cli *c, const struct jm_field *schema);
bool cli_named_beside(const struct jm_field *schema, const struct jm_field *f);
#define CLI_TIMES_FROM_MS                                                                          \
    INT64_C(1000000000000) /* a field in ms: more is an instant, less a span */
/** An instant in the city's time. */
const char *cli_time(struct cli *c, int64_t ms);
/** A number, truth or enumeration of obj; 0 for texts. */
int64_t cli_number(const struct jm_field *f, const void *obj);
/** A field of obj in words; whole: an id stands beside its name. */
const char *cli_text(struct cli *c, const struct jm_field *schema, const struct jm_field *f,
                     const void *obj, bool whole);
const struct jm_field *cli_field(const struct jm_field *schema, const char *name, size_t len);
/** Value of --limit, or UINT32_MAX. */
int cli_limit(const struct cli *c, uint64_t *out, struct err *e);

/* undo.c */
/** Say on standard error how to take back what was just done; until_ms 0: no limit that we know. */
void cli_undo(struct cli *c, int64_t until_ms, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/** The same for each order that can be taken back. */
void cli_undo_orders(struct cli *c, const struct w_accepted *acc);

/* nearest.c: begin with word, try candidates; best is the nearest, or NULL. */
struct nearest {
    const char *word, *best;
    size_t d;
};
void nearest_try(struct nearest *n, const char *candidate);

/* profile.c */
#define PROFILE_CURRENT ".current" /* names the profile of 'profiles use' */
bool profile_is_name(const char *s);
/** Print the names of all profiles, one a line; silent when there are none. */
int profile_names(struct cli *c);
int profile_load(struct cli *c, struct err *e);
int profile_save(struct cli *c, struct err *e);
int profile_forget(struct cli *c, struct err *e);
/** After a sign-in: what the profile keeps of the controller (the city's time). */
void profile_learn(struct cli *c);
/** Make the folder of the profiles. */
int profile_make_dir(struct cli *c, struct err *e);
int profile_dir(struct cli *c, char *out, size_t size, struct err *e);

/* help.c */
/** Is there a command of this noun? */
bool help_has(const char *noun);
/** A command's help; with only NULL, that of all commands, or of a noun's (NULL or unknown: all).
 */
void help_print(const struct cli *c, FILE *f, const struct command *only, const char *noun);
/** Does it take this option? */
bool options_taken(const struct command *k, const char *name);
/** Does it show a list, and take what LISTS names? */
bool options_list(const struct command *k);
int cmd_completion(struct cli *c, struct err *e);
int cmd_man(struct cli *c, struct err *e);
#endif
