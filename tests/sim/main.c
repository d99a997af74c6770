/* hostsim: see README.md and --help. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
parse(int argc, char **argv, struct sim_options *o)
{
    int c;

    *o = (struct sim_options){.prefix = "sim", .cpus = 64, .mem_mib = 262144, .seed = 1};
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        const char **text = text_option(o, c);

        if (text != NULL)
            *text = optarg;
        else if (c == 'n')
            o->hosts = (int)strtol(optarg, NULL, 10);
        else if (c == 'w')
            o->threads = (int)strtol(optarg, NULL, 10);
        else if (c == 'r')
            o->seed = strtoull(optarg, NULL, 10);
        else if (c == 'u')
            o->cpus = (int)strtol(optarg, NULL, 10);
        else if (c == 'm')
            o->mem_mib = strtoll(optarg, NULL, 10);
        else if (c == 'e')
            o->over_ms = (int)strtol(optarg, NULL, 10);
        else if (c == 'v')
            o->verbose = true;
        else
            return -1;
    }
    return o->hosts < 1 || o->hosts > SIM_HOSTS_MAX || o->dir == NULL || o->api == NULL ||
                   o->agents == NULL || o->ca == NULL || o->token_file == NULL || o->images == NULL
               ? -1
               : 0;
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

    if (parse(argc, argv, &s.o) < 0) {
        fputs(usage, stderr);
        return 2;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    (void)mallopt(M_ARENA_MAX, 2);
    log_level_set(s.o.verbose ? LOG_LV_INFO : LOG_LV_ERROR);
    s.random = s.o.seed;
    if (hosts_make(&s, &e) < 0 || files_open(&s, &e) < 0 ||
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
