/* hostsim: see README.md and --help. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/base/log.h"
#include "tests/sim/sim.h"

static const char usage[] =
    "hostsim: N hosts in one process, at a real controller\n"
    "\n"
    "  hostsim --hosts N --dir DIR --api URL --agents URL --ca FILE --token-file FILE --images "
    "DIR\n"
    "          [--settings FILE] [--script FILE] [--control PIPE] [--seen FILE] [--seed N]\n"
    "          [--threads N] [--prefix NAME] [--cpus N] [--mem-mib N] [--over MS] [--verbose]\n"
    "\n"
    "  DIR      a folder for the hosts, best on a tmpfs; those that are enrolled there go on\n"
    "  FILE     of --token-file: the session of a provider's engineer, who enrols the hosts; of\n"
    "           --settings: sections of the agents' configuration; of --seen: gets a line\n"
    "           \"RESOURCE ARRIVED-NS DURABLE-NS HOST\" (monotonic) for its first order\n"
    "  PIPE     a fifo to read commands from\n"
    "  --threads N   the first N hosts have threads of their own: only their hypervisors may be\n"
    "           slow or hang\n"
    "  --over MS     they start over so long, not all in one moment\n"
    "\n"
    "A command, or after \"at SECONDS \" a line of the script: VERB HOSTS [ARGUMENTS]; HOSTS is "
    "all,\n"
    "N, N-M or N%. cut, restore, sever (connections end once), kill, start, reboot, script LINE "
    "and\n"
    "release (drivers/virt/virt_fake.h), capacity WORDS, steal …, flood COUNT, clone; report\n"
    "[NAME], quit. Stdout: JSON lines, the last one a summary.\n";

enum { OPT_HELP = 1000 };

static const struct option longs[] = {
    {"hosts", required_argument, NULL, 'n'},   {"dir", required_argument, NULL, 'd'},
    {"api", required_argument, NULL, 'a'},     {"agents", required_argument, NULL, 'g'},
    {"ca", required_argument, NULL, 'c'},      {"token-file", required_argument, NULL, 't'},
    {"images", required_argument, NULL, 'i'},  {"settings", required_argument, NULL, 'x'},
    {"script", required_argument, NULL, 's'},  {"control", required_argument, NULL, 'p'},
    {"seen", required_argument, NULL, 'o'},    {"seed", required_argument, NULL, 'r'},
    {"threads", required_argument, NULL, 'w'}, {"prefix", required_argument, NULL, 'f'},
    {"cpus", required_argument, NULL, 'u'},    {"mem-mib", required_argument, NULL, 'm'},
    {"over", required_argument, NULL, 'e'},    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, OPT_HELP},     {0},
};

static const char **
text_option(struct sim_options *o, int c)
{
    switch (c) {
    case 'd':
        return &o->dir;
    case 'a':
        return &o->api;
    case 'g':
        return &o->agents;
    case 'c':
        return &o->ca;
    case 't':
        return &o->token_file;
    case 'i':
        return &o->images;
    case 'x':
        return &o->settings;
    case 's':
        return &o->script;
    case 'p':
        return &o->control;
    case 'o':
        return &o->seen;
    case 'f':
        return &o->prefix;
    default:
        return NULL;
    }
}

static int
number_option(const char *name, const char *text, long long least, long long most, long long *out)
{
    char *end = NULL;

    errno = 0;
    *out = strtoll(text, &end, 10);
    if (strchr("0123456789", text[0]) != NULL && end != text && *end == '\0' && errno == 0 &&
        *out >= least && *out <= most)
        return 0;
    fprintf(stderr, "hostsim: --%s is a whole number from %lld to %lld, not '%s'\n", name, least,
            most, text);
    return -1;
}

/* What has no default and was not said; NULL: nothing. */
static const char *
missing(const struct sim_options *o)
{
    const struct {
        const char *name;
        bool there;
    } needed[] = {
        {"hosts", o->hosts > 0},       {"dir", o->dir != NULL},
        {"api", o->api != NULL},       {"agents", o->agents != NULL},
        {"ca", o->ca != NULL},         {"token-file", o->token_file != NULL},
        {"images", o->images != NULL},
    };

    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!needed[i].there)
            return needed[i].name;
    return NULL;
}

static int
parse(int argc, char **argv, struct sim_options *o)
{
    long long hosts = 0, threads = 0, seed = 1, cpus = 64, over_ms = 0;
    int c, rc = 0;

    *o = (struct sim_options){.prefix = "sim", .mem_mib = 262144};
    while (rc == 0 && (c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        const char **text = text_option(o, c);

        if (text != NULL)
            *text = optarg;
        else if (c == 'n')
            rc = number_option("hosts", optarg, 1, SIM_HOSTS_MAX, &hosts);
        else if (c == 'w')
            rc = number_option("threads", optarg, 0, SIM_HOSTS_MAX, &threads);
        else if (c == 'r')
            rc = number_option("seed", optarg, 0, INT64_MAX, &seed);
        else if (c == 'u')
            rc = number_option("cpus", optarg, 1, 4096, &cpus);
        else if (c == 'm')
            rc = number_option("mem-mib", optarg, 1, INT64_C(1) << 30, &o->mem_mib);
        else if (c == 'e')
            rc = number_option("over", optarg, 0, 86400000, &over_ms);
        else if (c == 'v')
            o->verbose = true;
        else
            rc = c == OPT_HELP ? 1 : -1; /* getopt said why */
    }
    o->hosts = (int)hosts;
    o->threads = (int)threads;
    o->seed = (unsigned long long)seed;
    o->cpus = (int)cpus;
    o->over_ms = (int)over_ms;
    if (rc == 0 && optind < argc) {
        fprintf(stderr, "hostsim: '%s' is no option\n", argv[optind]);
        rc = -1;
    }
    if (rc == 0 && missing(o) != NULL) {
        fprintf(stderr, "hostsim: --%s is missing\n", missing(o));
        rc = -1;
    }
    return rc;
}

/* Too few files would end as failures of single hosts, which say nothing of it. */
static int
files_suffice(const struct sim *s, struct err *e)
{
    const rlim_t needed = (rlim_t)s->o.hosts * SIM_HOST_FILES + 32;
    struct rlimit most;

    if (getrlimit(RLIMIT_NOFILE, &most) != 0)
        return err_set(e, BY_E_IO, "getrlimit: %s", strerror(errno));
    if (most.rlim_cur < needed && needed <= most.rlim_max) {
        most.rlim_cur = needed;
        if (setrlimit(RLIMIT_NOFILE, &most) != 0)
            return err_set(e, BY_E_IO, "setrlimit: %s", strerror(errno));
    }
    return most.rlim_cur >= needed
               ? 0
               : err_set(e, BY_E_INVALID,
                         "%d hosts need some %llu files, and this process may open %llu: fewer "
                         "hosts, or a second hostsim with another --prefix",
                         s->o.hosts, (unsigned long long)needed, (unsigned long long)most.rlim_cur);
}

static int
hosts_make(struct sim *s, struct err *e)
{
    s->hosts = calloc((size_t)s->o.hosts, sizeof(*s->hosts));
    if (s->hosts == NULL)
        return err_set(e, BY_E_NOMEM, "%d hosts", s->o.hosts);
    for (int i = 0; i < s->o.hosts; i++) {
        struct sim_host *h = &s->hosts[i];

        h->s = s;
        h->n = i + 1;
        h->threads = i < s->o.threads;
        (void)snprintf(h->dir, sizeof(h->dir), "%s/%d", s->o.dir, h->n);
        (void)snprintf(h->world, sizeof(h->world), "%s/world", h->dir);
        (void)snprintf(h->config, sizeof(h->config), "%s/agent.conf", h->dir);
        sim_host_reboot_id(h);
    }
    return 0;
}

static int
files_open(struct sim *s, struct err *e)
{
    s->control = -1;
    if (s->o.seen != NULL && (s->seen = fopen(s->o.seen, "we")) == NULL)
        return err_set(e, BY_E_IO, "%s: %s", s->o.seen, strerror(errno));
    if (s->o.control == NULL)
        return 0;
    s->control = open(s->o.control, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return s->control < 0 ? err_set(e, BY_E_IO, "%s: %s", s->o.control, strerror(errno)) : 0;
}

static int
hosts_start(struct sim *s, struct err *e)
{
    s->start_ms = clock_mono_ms();
    for (int i = 0; i < s->o.hosts; i++) {
        int64_t due = s->start_ms + (int64_t)s->o.over_ms * i / s->o.hosts;

        for (int64_t now = clock_mono_ms(); now < due && !s->ended; now = clock_mono_ms())
            sim_loop_step(s, (int)(due - now));
        if (sim_host_start(&s->hosts[i], e) < 0)
            return -1;
    }
    fprintf(stderr, "hostsim: %d hosts are open after %lld ms\n", s->o.hosts,
            (long long)(clock_mono_ms() - s->start_ms));
    return 0;
}

static void
all_close(struct sim *s)
{
    bool gone = true;

    for (int i = 0; i < s->o.hosts; i++)
        gone = sim_host_kill(&s->hosts[i]) && gone;
    if (!gone)
        return; /* a call hangs and uses its host; the process ends */
    for (int i = 0; i < s->o.hosts; i++)
        free(s->hosts[i].known);
    sim_crew_end(&s->crew);
    sim_loop_close(s);
    for (size_t i = 0; i < s->n_lines; i++)
        free(s->lines[i].text);
    free(s->lines);
    free(s->hosts);
}

int
main(int argc, char **argv)
{
    static struct sim s;
    struct err e = {0};

    switch (parse(argc, argv, &s.o)) {
    case 0:
        break;
    case 1:
        fputs(usage, stdout);
        return 0;
    default:
        fputs("hostsim: see hostsim --help\n", stderr);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)mallopt(M_ARENA_MAX, 2);
    log_level_set(s.o.verbose ? LOG_LV_INFO : LOG_LV_ERROR);
    s.random = s.o.seed;
    if (files_suffice(&s, &e) < 0 || hosts_make(&s, &e) < 0 || files_open(&s, &e) < 0 ||
        sim_script_load(&s, s.o.script, &e) < 0 || sim_enrol(&s, &e) < 0 ||
        sim_loop_open(&s, &e) < 0 || sim_crew_start(&s.crew, &e) < 0 || hosts_start(&s, &e) < 0) {
        fprintf(stderr, "hostsim: %s\n", e.msg);
        return 1;
    }
    sim_summary(&s, "open", stdout);
    sim_loop_run(&s);
    sim_summary(&s, "end", stdout);
    all_close(&s);
    if (s.seen != NULL && fclose(s.seen) != 0)
        return 1;
    return 0;
}
