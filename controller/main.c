/* bianyun-controller: init makes a store, run serves it. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "controller/account.h"
#include "controller/controller.h"
#include "controller/dispatch.h"
#include "controller/imager.h"
#include "controller/init.h"
#include "controller/jobs.h"
#include "controller/notices.h"
#include "controller/paths.h"
#include "controller/server.h"
#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "drivers/base/notify.h"
#include "drivers/base/signals.h"
#include "drivers/base/manpage.h"
#include "drivers/base/strbuf.h"
#include "drivers/db/db.h"
#include "drivers/host/durable.h"

#define MAIN_ID_MAX 64
#define ALIVE_MS 10000 /* without a watchdog of systemd */

struct options {
    const char *dir, *config, *alg, *name, *address, *login, *id_file;
    bool help;
    const sigset_t *ends; /* run: see signals_hold() */
};

static const char usage[] =
    "bianyun-controller: the centre of Bianyun\n"
    "  bianyun-controller init --dir DIR [--name NAME] [--alg sm2|p256] [--address ADDRESS]\n"
    "        make a new store: root key, order key, CA, first account\n"
    "  bianyun-controller run --dir DIR [--config FILE]\n"
    "  bianyun-controller run --config FILE\n"
    "        serve people and agents until SIGTERM\n"
    "  bianyun-controller token --dir DIR --login LOGIN\n"
    "        a new one-time token for an account, with the controller stopped\n"
    "  bianyun-controller sample-config\n"
    "        print a configuration with every setting\n"
    "  bianyun-controller man [conf]\n"
    "        print the manual page, or that of the configuration (scdoc)\n"
    "  bianyun-controller version | help\n"
    "'init --help', 'run --help' and 'token --help' say more.\n";
static const char usage_init[] =
    "bianyun-controller init --dir DIR [OPTION...]\n"
    "  Make a new store.  The one-time token of the account 'admin' goes to the standard output,\n"
    "  once; whoever signs in with it registers the others.  A store that is there already is\n"
    "  refused and left as it is; one whose making was interrupted is finished.\n"
    "  --dir DIR          the folder of the store; made when missing (mode 0700)\n"
    "  --name NAME        name of this cloud, in its papers (default: bianyun)\n"
    "  --alg sm2|p256     signatures of orders and ledger: SM2 with SM3 (default), or P-256 with\n"
    "                     SHA-256; grant keys choose for themselves\n"
    "  --address ADDRESS  where to listen, for people and agents; written to DIR/controller.conf\n"
    "                     (default: 127.0.0.1)\n"
    "  --id-file FILE     id number of the person who is 'admin' ('-' is standard input), so that\n"
    "                     nobody registers that person a second time; only a hash is kept\n"
    "  Afterwards take DIR/root/root.key to a medium that is kept offline.\n";
static const char usage_run[] =
    "bianyun-controller run --dir DIR [--config FILE]\n"
    "bianyun-controller run --config FILE\n"
    "  Serve people and agents until SIGTERM or SIGINT.  Nothing that was acknowledged is lost by\n"
    "  a kill.\n"
    "  --dir DIR      the store that init made; over the configuration's\n"
    "  --config FILE  settings (default: DIR/controller.conf, when it is there);\n"
    "                 'bianyun-controller sample-config' prints them all\n"
    "  The ports in use are in DIR/run/ports.json.\n";

static const char usage_token[] =
    "bianyun-controller token --dir DIR --login LOGIN\n"
    "  Print a new one-time token for an account, when no administrator can sign in to give one\n"
    "  ('bianyun accounts token').  The controller must be stopped; the ledger tells of it.\n"
    "  --dir DIR      the store that init made\n"
    "  --login LOGIN  whose\n";

static int
main_man(bool conf)
{
    static const char *const helps[] = {usage, usage_init, usage_run, usage_token, NULL};
    SCOPED(strbuf) struct strbuf b = {0};

    if (conf)
        man_conf("bianyun-controller", config_rows, &b);
    else
        man_program("bianyun-controller", "the centre of Bianyun: grants, orders, ledger", helps,
                    &b);
    return fputs(strbuf_peek(&b), stdout) < 0;
}

static int
main_fail(const struct err *e)
{
    fprintf(stderr, "bianyun-controller: %s\n", e->msg);
    return err_exit_status(e->code);
}

static int
main_options(int argc, char **argv, struct options *o, struct err *e)
{
    static const struct option rows[] = {{"dir", required_argument, NULL, 'd'},
                                         {"config", required_argument, NULL, 'c'},
                                         {"alg", required_argument, NULL, 'a'},
                                         {"name", required_argument, NULL, 'n'},
                                         {"address", required_argument, NULL, 'l'},
                                         {"login", required_argument, NULL, 'u'},
                                         {"id-file", required_argument, NULL, 'i'},
                                         {"help", no_argument, NULL, 'h'},
                                         {0}};
    int ch;

    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":h", rows, NULL)) != -1) {
        switch (ch) {
        case 'd':
            o->dir = optarg;
            break;
        case 'c':
            o->config = optarg;
            break;
        case 'a':
            o->alg = optarg;
            break;
        case 'n':
            o->name = optarg;
            break;
        case 'l':
            o->address = optarg;
            break;
        case 'u':
            o->login = optarg;
            break;
        case 'i':
            o->id_file = optarg;
            break;
        case 'h':
            o->help = true;
            break;
        case ':':
            return err_set(e, BY_E_INVALID, "%s needs a value; see 'bianyun-controller %s --help'",
                           argv[optind - 1], argv[0]);
        default:
            return err_set(e, BY_E_INVALID, "unknown option %s; see 'bianyun-controller %s --help'",
                           argv[optind - 1], argv[0]);
        }
    }
    if (optind < argc)
        return err_set(e, BY_E_INVALID, "'%s' is not expected here", argv[optind]);
    return 0;
}

/* ---- init ----------------------------------------------------------------------------------- */

static int
main_alg(const char *word, const char **alg, struct err *e)
{
    if (word == NULL || strcmp(word, "sm2") == 0 || strcmp(word, ALG_SM2) == 0)
        *alg = ALG_SM2;
    else if (strcmp(word, "p256") == 0 || strcmp(word, ALG_P256) == 0)
        *alg = ALG_P256;
    else
        return err_set(e, BY_E_INVALID, "--alg is sm2 or p256, not '%s'", word);
    return 0;
}

/* The first line of a file, or of the standard input; never on a command line. */
static int
main_id(const char *file, char out[MAIN_ID_MAX], struct err *e)
{
    FILE *in = strcmp(file, "-") == 0 ? stdin : fopen(file, "re");
    bool read;

    if (in == NULL)
        return durable_errno(e, errno, "reading", file);
    read = fgets(out, MAIN_ID_MAX, in) != NULL;
    if (in != stdin)
        (void)fclose(in); /* read only */
    if (!read)
        return err_set(e, BY_E_INVALID, "--id-file: there is nothing in %s", file);
    out[strcspn(out, "\r\n")] = '\0';
    return 0;
}

static int
main_init(const struct options *o, struct err *e)
{
    struct init_options in = {.name = o->name == NULL ? "bianyun" : o->name,
                              .address = o->address,
                              .wall_ms = clock_wall_ms};
    char token[INIT_TOKEN], id[MAIN_ID_MAX] = "";
    char *dir;
    int rc;

    if (o->dir == NULL)
        return err_set(e, BY_E_INVALID, "say where: --dir DIR");
    if (o->id_file != NULL && main_id(o->id_file, id, e) < 0)
        return -1;
    in.id_number = o->id_file == NULL ? NULL : id;
    if (main_alg(o->alg, &in.alg, e) < 0 || durable_mkdirs(o->dir, 0700, e) < 0)
        return -1;
    dir = realpath(o->dir, NULL);
    if (dir == NULL)
        return durable_errno(e, errno, "finding", o->dir);
    in.dir = dir;
    rc = init_run(&in, token, e);
    if (rc == 0) {
        printf("%s\n", token);
        rc = fflush(stdout) == 0 ? init_finish(dir, e)
                                 : err_set(e, BY_E_IO, "the token could not be printed: run again");
    }
    if (rc == 0)
        fprintf(stderr,
                "The store is in %s.\n"
                "The line on the standard output is the one-time token of the account 'admin': "
                "good once, for 72 hours.\n"
                "Take %s/%s to a medium that is kept offline, and remove it here: whoever holds it "
                "names the keys that every host obeys.\n",
                dir, dir, PATH_ROOT_KEY);
    if (rc == 0 && in.id_number == NULL)
        fprintf(stderr,
                "No --id-file: that 'admin' is one person with one account is not checked.\n");
    free(dir);
    return rc;
}

/* ---- run ------------------------------------------------------------------------------------ */

/* One controller a store. */
static int
main_lock(const char *dir, int wait_ms, int *fd, struct err *e)
{
    char path[320];

    if (paths_join(dir, PATH_RUN_DIR, path, sizeof(path), e) < 0 ||
        durable_mkdirs(path, 0755, e) < 0 || paths_join(dir, PATH_LOCK, path, sizeof(path), e) < 0)
        return -1;
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0)
        return durable_errno(e, errno, "opening", path);
    if (durable_lock(*fd, wait_ms) < 0)
        return err_set(e, BY_E_CONFLICT, "another controller serves %s already", dir);
    return 0;
}

static int
main_token(const struct options *o, struct err *e)
{
    SCOPED(fd) int lock = -1;
    char token[ACCOUNT_TOKEN];

    if (o->dir == NULL || o->login == NULL)
        return err_set(e, BY_E_INVALID, "say which store and whose: --dir DIR --login LOGIN");
    if (main_lock(o->dir, 0, &lock, e) < 0 || account_rescue(o->dir, o->login, token, e) < 0)
        return -1;
    printf("%s\n", token);
    return 0;
}

static int
main_config(const struct options *o, struct controller_config *conf, struct err *e)
{
    char path[320];
    struct stat st;

    if (o->config != NULL) {
        if (config_load(o->config, conf, e) < 0)
            return -1;
    } else if (o->dir == NULL) {
        return err_set(e, BY_E_INVALID, "say which store: --dir DIR, or --config FILE");
    } else if (paths_join(o->dir, PATH_CONF, path, sizeof(path), e) < 0 ||
               (stat(path, &st) == 0 ? config_load(path, conf, e) : config_default(conf, e)) < 0) {
        return -1;
    }
    if (o->dir != NULL &&
        snprintf(conf->dir, sizeof(conf->dir), "%s", o->dir) >= (int)sizeof(conf->dir))
        return err_set(e, BY_E_INVALID, "--dir is too long");
    return 0;
}

static void
main_log_level(const char *word)
{
    static const char *const words[] = {"error", "warn", "info", "debug"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i], word) == 0)
            log_level_set((enum log_level)i);
}

/* Until a signal ends it; meanwhile tells systemd that every loop still answers. */
static void
main_serve(struct controller *c, const sigset_t *ends)
{
    int every_ms = notify_watchdog_ms() > 0 ? notify_watchdog_ms() / 2 : ALIVE_MS;

    notify_send("READY=1\nSTATUS=serving");
    for (;;) {
        const struct timespec wait = {.tv_sec = every_ms / 1000,
                                      .tv_nsec = (every_ms % 1000) * 1000000L};
        int sig = sigtimedwait(ends, NULL, &wait);

        if (sig > 0)
            break;
        if (server_alive(c, every_ms) == 0)
            notify_alive();
        else
            log_error("loop.stuck", "effect=" LOG_Q, "the watchdog is not fed");
    }
    notify_send("STOPPING=1");
    log_info("stopping", "store=%s", c->store);
}

static int
main_run(const struct options *o, struct err *e)
{
    SCOPED(fd) int lock = -1;
    struct controller_config conf;
    struct controller c = {0};
    int rc;

    (void)mallopt(M_ARENA_MAX, 2); /* threads that wait must not each keep memory */
    db_uncounted();
    if (main_config(o, &conf, e) < 0 || main_lock(conf.dir, DURABLE_ENDING_MS, &lock, e) < 0)
        return -1;
    main_log_level(conf.log);
    rc = controller_open(&c, conf.dir, &conf, e);
    if (rc == 0)
        rc = dispatch_new(&c, &c.dispatch, e);
    c.wake_host = dispatch_wake;
    if (rc == 0)
        rc = jobs_new(&c, &c.jobs, e);
    if (rc == 0)
        rc = imager_new(&c, &c.imager, e);
    if (rc == 0)
        rc = notices_new(&c, &c.notices, e);
    if (rc == 0)
        rc = server_start(&c, e);
    if (rc == 0) {
        main_serve(&c, o->ends);
        /* Crash-only: what was acknowledged is durable, an answer that is lost on the way out is
         * asked for again; taking threads apart one by one could only go wrong. */
        dispatch_stop(c.dispatch);
        server_drain(&c);
        _exit(0);
    }
    notices_free(TAKE(c.notices));
    jobs_free(TAKE(c.jobs));
    dispatch_stop(c.dispatch); /* the polls that wait are answered before the server goes */
    server_stop(&c);
    controller_free(&c); /* joins the writer: what it does after a commit still wakes polls */
    dispatch_free(TAKE(c.dispatch));
    return rc;
}

int
main(int argc, char **argv)
{
    static const struct verb {
        const char *name, *usage;
        int (*run)(const struct options *o, struct err *e);
    } verbs[] = {{"init", usage_init, main_init},
                 {"run", usage_run, main_run},
                 {"token", usage_token, main_token}};
    const struct verb *v = NULL;
    struct options o = {0};
    struct err e = {0};
    const char *verb = argc > 1 ? argv[1] : "";
    sigset_t ends;

    if (strcmp(verb, "run") == 0)
        signals_hold(&ends);
    if (strcmp(verb, "--version") == 0 || strcmp(verb, "version") == 0)
        return printf("bianyun-controller %s\n", BY_VERSION) < 0;
    if (strcmp(verb, "--help") == 0 || strcmp(verb, "help") == 0 || strcmp(verb, "-h") == 0)
        return fputs(usage, stdout) < 0;
    if (strcmp(verb, "sample-config") == 0) {
        SCOPED(strbuf) struct strbuf b = {0};

        conf_sample(config_rows, &b);
        return fputs(strbuf_peek(&b), stdout) < 0;
    }
    if (strcmp(verb, "man") == 0)
        return main_man(argc > 2 && strcmp(argv[2], "conf") == 0);
    for (size_t i = 0; i < ARRAY_LEN(verbs) && v == NULL; i++)
        v = strcmp(verbs[i].name, verb) == 0 ? &verbs[i] : NULL;
    if (v == NULL && verb[0] == '\0')
        fputs(usage, stderr);
    else if (v == NULL)
        fprintf(stderr, "bianyun-controller: no command '%s'; see 'bianyun-controller help'\n",
                verb);
    if (v == NULL)
        return 2;
    if (main_options(argc - 1, argv + 1, &o, &e) < 0)
        return main_fail(&e);
    if (o.help)
        return fputs(v->usage, stdout) < 0;
    o.ends = &ends;
    return v->run(&o, &e) < 0 ? main_fail(&e) : 0;
}
