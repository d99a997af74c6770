#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/enrol.h"
#include "agent/agent.h"
#include "agent/show.h"
#include "agent/show_images.h"
#include "agent/show_pool.h"
#include "drivers/base/signals.h"
#include "drivers/base/manpage.h"

static const char usage[] =
    "bianyun-agent: the host's side of Bianyun\n"
    "\n"
    "  bianyun-agent enrol --controller URL --name HOST --ca-sha256 HEX --token-file FILE\n"
    "                      --dir DIR [--agents-url URL] [--again]\n"
    "        make a key on this host and ask the controller for its certificate\n"
    "  bianyun-agent run --dir DIR [--config FILE]\n"
    "        take orders, keep receipts, act, measure, report; settings: FILE, or DIR/agent.conf\n"
    "        when it is there\n"
    "  bianyun-agent observe [--config FILE] [--seconds N]\n"
    "        measure through a read-only connection and print; writes nothing\n"
    "  bianyun-agent receipts list|show [ID]|head --dir DIR\n"
    "        what this host was allowed to do; the newest ledger head that it keeps as a witness\n"
    "  bianyun-agent images list|remove SHA256 --dir DIR [--config FILE]\n"
    "        base images here and what stands on them; remove one that nothing does, with the\n"
    "        agent stopped\n"
    "  bianyun-agent pool share|show|leave --dir DIR [--config FILE]\n"
    "        mark the folder of the pool as one that several hosts see, once for all of them; "
    "show\n"
    "        which pool it is, its steward, and what hosts ask of it; leave it, with the agent\n"
    "        stopped and nothing of the host in it, so that pool_path may name another folder\n"
    "  bianyun-agent config\n"
    "        print a sample configuration with every setting\n"
    "  bianyun-agent man [conf]\n"
    "        print the manual page, or that of the configuration (scdoc)\n"
    "  bianyun-agent version | help\n";

struct options {
    const char *controller, *agents_url, *name, *ca, *token, *dir, *config;
    long seconds;
    bool again;
};

static const struct option longs[] = {
    {"controller", required_argument, NULL, 'c'},
    {"agents-url", required_argument, NULL, 'u'},
    {"name", required_argument, NULL, 'n'},
    {"ca-sha256", required_argument, NULL, 'a'},
    {"token-file", required_argument, NULL, 't'},
    {"dir", required_argument, NULL, 'd'},
    {"config", required_argument, NULL, 'f'},
    {"seconds", required_argument, NULL, 's'},
    {"again", no_argument, NULL, 'g'},
    {0},
};

static int
parse(int argc, char **argv, struct options *o)
{
    int c;

    memset(o, 0, sizeof(*o));
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->controller = optarg;
            break;
        case 'u':
            o->agents_url = optarg;
            break;
        case 'n':
            o->name = optarg;
            break;
        case 'a':
            o->ca = optarg;
            break;
        case 't':
            o->token = optarg;
            break;
        case 'd':
            o->dir = optarg;
            break;
        case 'f':
            o->config = optarg;
            break;
        case 's':
            o->seconds = strtol(optarg, NULL, 10);
            break;
        case 'g':
            o->again = true;
            break;
        default:
            return -1; /* getopt said why */
        }
    }
    return 0;
}

static int
fail(const struct err *e)
{
    fprintf(stderr, "bianyun-agent: %s\n", e->msg);
    return err_exit_status(e->code);
}

static int
need(const char *value, const char *option)
{
    if (value != NULL)
        return 0;
    fprintf(stderr, "bianyun-agent: %s is missing; see bianyun-agent help\n", option);
    return -1;
}

static int
cmd_enrol(const struct options *o)
{
    struct enrol_request q = {.url = o->controller,
                              .agents_url = o->agents_url,
                              .name = o->name,
                              .ca_sha256 = o->ca,
                              .token_file = o->token,
                              .dir = o->dir,
                              .again = o->again};
    struct err e = {0};

    if (need(o->controller, "--controller") < 0 || need(o->name, "--name") < 0 ||
        need(o->ca, "--ca-sha256") < 0 || need(o->token, "--token-file") < 0 ||
        need(o->dir, "--dir") < 0)
        return 2;
    if (enrol_run(&q, &e) < 0)
        return fail(&e);
    printf("%s is enrolled; its key and papers are in %s\n", o->name, o->dir);
    return 0;
}

static int
cmd_run(const struct options *o, const sigset_t *ends)
{
    struct agent_options l = {.dir = o->dir, .config_file = o->config, .ends = ends};
    struct err e = {0};

    if (need(o->dir, "--dir") < 0)
        return 2;
    return agent_run(&l, &e) < 0 ? fail(&e) : 0;
}

static int
cmd_observe(const struct options *o)
{
    struct err e = {0};
    int status = show_observe(o->config, o->seconds, stdout, &e) < 0 ? fail(&e) : 0;

    if (fflush(stdout) != 0 && status == 0)
        status = err_exit_status(BY_E_IO);
    _exit(status); /* libvirt's event loop still runs: nothing is taken apart under it */
}

static int
cmd_receipts(const struct options *o, int n, char **args)
{
    struct err e = {0};

    if (need(o->dir, "--dir") < 0)
        return 2;
    if (n == 1 && strcmp(args[0], "list") == 0)
        return show_receipts(o->dir, NULL, stdout, &e) < 0 ? fail(&e) : 0;
    if (n == 2 && strcmp(args[0], "show") == 0)
        return show_receipts(o->dir, args[1], stdout, &e) < 0 ? fail(&e) : 0;
    if (n == 1 && strcmp(args[0], "head") == 0)
        return show_head(o->dir, stdout, &e) < 0 ? fail(&e) : 0;
    fprintf(stderr, "bianyun-agent: receipts list, receipts show ID, or receipts head\n");
    return 2;
}

static int
cmd_images(const struct options *o, int n, char **args)
{
    struct err e = {0};

    if (need(o->dir, "--dir") < 0)
        return 2;
    if (n == 1 && strcmp(args[0], "list") == 0)
        return show_images(o->dir, o->config, stdout, &e) < 0 ? fail(&e) : 0;
    if (n == 2 && strcmp(args[0], "remove") == 0)
        return show_images_remove(o->dir, o->config, args[1], stdout, &e) < 0 ? fail(&e) : 0;
    fprintf(stderr, "bianyun-agent: images list, or images remove SHA256\n");
    return 2;
}

static int
cmd_pool(const struct options *o, int n, char **args)
{
    struct err e = {0};

    if (need(o->dir, "--dir") < 0)
        return 2;
    if (n == 1 && strcmp(args[0], "share") == 0)
        return show_pool_share(o->dir, o->config, stdout, &e) < 0 ? fail(&e) : 0;
    if (n == 1 && strcmp(args[0], "show") == 0)
        return show_pool(o->dir, o->config, stdout, &e) < 0 ? fail(&e) : 0;
    if (n == 1 && strcmp(args[0], "leave") == 0)
        return show_pool_leave(o->dir, stdout, &e) < 0 ? fail(&e) : 0;
    fprintf(stderr, "bianyun-agent: pool share, pool show, or pool leave\n");
    return 2;
}

static int
cmd_man(bool conf)
{
    static const char *const helps[] = {usage, NULL};
    SCOPED(strbuf) struct strbuf b = {0};

    if (conf)
        man_conf("bianyun-agent", agent_config_rows, &b);
    else
        man_program("bianyun-agent", "the host's side of Bianyun: carries out signed orders", helps,
                    &b);
    fputs(strbuf_peek(&b), stdout);
    return 0;
}

static int
cmd_config(void)
{
    SCOPED(strbuf) struct strbuf b = {0};

    conf_sample(agent_config_rows, &b);
    fputs(strbuf_peek(&b), stdout);
    return 0;
}

int
main(int argc, char **argv)
{
    const char *cmd = argc > 1 ? argv[1] : "help";
    struct options o;
    sigset_t ends;

    if (strcmp(cmd, "run") == 0)
        signals_hold(&ends);
    if (strcmp(cmd, "help") == 0 || strcmp(cmd, "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (strcmp(cmd, "version") == 0 || strcmp(cmd, "--version") == 0) {
        puts("bianyun-agent " BY_VERSION);
        return 0;
    }
    if (strcmp(cmd, "--observe") == 0)
        cmd = "observe";
    if (parse(argc - 1, argv + 1, &o) < 0)
        return 2;
    if (strcmp(cmd, "enrol") == 0)
        return cmd_enrol(&o);
    if (strcmp(cmd, "run") == 0)
        return cmd_run(&o, &ends);
    if (strcmp(cmd, "observe") == 0)
        return cmd_observe(&o);
    if (strcmp(cmd, "receipts") == 0)
        return cmd_receipts(&o, argc - 1 - optind, argv + 1 + optind);
    if (strcmp(cmd, "images") == 0)
        return cmd_images(&o, argc - 1 - optind, argv + 1 + optind);
    if (strcmp(cmd, "pool") == 0)
        return cmd_pool(&o, argc - 1 - optind, argv + 1 + optind);
    if (strcmp(cmd, "man") == 0)
        return cmd_man(argc > 2 && strcmp(argv[2], "conf") == 0);
    if (strcmp(cmd, "config") == 0)
        return cmd_config();
    fprintf(stderr, "bianyun-agent: no command '%s'\n%s", cmd, usage);
    return 2;
}
