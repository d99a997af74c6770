/* segment-host FOLDER UNDERLAY IMAGES SHA256: the agent's own code on this host's libvirt, given
 * orders that this program signs itself; one command a line on standard input, one answer a line:
 *
 *     system CIDR                            its own grant      ok SYSTEM BRIDGE ID
 *     net SYSTEM VNI GENERATION PEER...      0: no segment      ok and what is told of it
 *     vm SYSTEM N IP MAC NAME                of 80 MiB          ok ID
 *     until ID SEEN                          read back, equal   ok and what is told of it
 *     anything else                          it lives           ok
 *
 * What is told is what would be reported of the segment.  A folder that is there already is a host
 * that starts again: it goes by its receipts alone.  Answers "no" after a minute of waiting. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/report.h"
#include "drivers/base/clock.h"
#include "drivers/crypto/digest.h"
#include "tests/unit/agenthost.h"

enum { SYSTEMS_MAX = 8, WORDS_MAX = 24, LINE_MAX_BYTES = 4000, STEP_MS = 20 };

struct system {
    struct w_grant grant;
    const char *grant_text;
    char net[W_ID], cidr[20];
};

static struct agenthost h;
static struct system systems[SYSTEMS_MAX];
static size_t n_systems;

/* The mill makes papers of this system from here on. */
static struct system *
take_system(const char *number)
{
    size_t i = strtoul(number, NULL, 10);

    if (i >= n_systems)
        return NULL;
    h.m.grant = systems[i].grant;
    h.m.grant_text = systems[i].grant_text;
    (void)snprintf(h.m.net, sizeof(h.m.net), "%s", systems[i].net);
    return &systems[i];
}

static void
bridge_of(const char *id, char out[20])
{
    (void)snprintf(out, 20, "by%.8s%.4s", id, id + 9);
}

static void
told(const char *id, char *out, size_t size)
{
    struct report r;

    out[0] = '\0';
    report_build(&h.ag, true, 0, clock_wall_ms(), clock_mono_ms(), &r);
    for (size_t i = 0; i < r.status.items.n; i++) {
        const struct w_observed *o = JM_ITEM(r.status.items, struct w_observed, i);

        if (strcmp(o->resource, id) == 0 && o->segment != NULL)
            (void)snprintf(out, size, "%s", o->segment);
    }
    report_clear(&r);
}

static int
seen_word(const char *word)
{
    for (int i = 1; w_seen_names[i] != NULL; i++)
        if (strcmp(w_seen_names[i], word) == 0)
            return i;
    return SEEN_NONE;
}

static void
answer_until(const char *id, int seen)
{
    char text[4600] = "";
    bool fine = seen != SEEN_NONE && agenthost_until(&h, id, (enum w_seen)seen);

    told(id, text, sizeof(text));
    printf("%s %s\n", fine ? "ok" : "no", text);
}

static void
cmd_system(char **w, size_t n)
{
    struct system *s = &systems[n_systems];
    struct w_grant_line *lines = arena_alloc(&h.m.a, 3 * sizeof(*lines));
    char bridge[20];

    if (n < 2 || n_systems == SYSTEMS_MAX) {
        printf("no such system\n");
        return;
    }
    memcpy(lines, h.m.grant.lines.items, 3 * sizeof(*lines));
    (void)snprintf(lines[0].cidr, sizeof(lines[0].cidr), "%s", w[1]);
    s->grant = h.m.grant;
    s->grant.lines.items = lines;
    random_uuid(s->grant.id);
    random_uuid(s->grant.system);
    random_uuid(s->net);
    (void)snprintf(s->grant.number, sizeof(s->grant.number), "segment %zu", n_systems);
    (void)snprintf(s->cidr, sizeof(s->cidr), "%s", w[1]);
    s->grant_text = mill_sign_grant(&h.m, h.m.bureau, &s->grant);
    bridge_of(s->net, bridge);
    printf("ok %zu %s %s\n", n_systems++, bridge, s->net);
}

static void
cmd_net(char **w, size_t n)
{
    struct system *s = n < 4 ? NULL : take_system(w[1]);
    struct w_net_peer *peers = arena_alloc(&h.m.a, (n + 1) * sizeof(*peers));
    struct w_order o;

    if (s == NULL) {
        printf("no such system\n");
        return;
    }
    mill_net_order(&h.m, &o);
    o.network.vni = (uint32_t)strtoul(w[2], NULL, 10);
    o.generation = strtoul(w[3], NULL, 10);
    o.version = o.network.vni != 0 ? 3 : 1;
    (void)snprintf(o.network.cidr, sizeof(o.network.cidr), "%s", s->cidr);
    for (size_t i = 4; i < n; i++)
        (void)snprintf(peers[i - 4].ip, sizeof(peers[0].ip), "%s", w[i]);
    o.network.peers = (struct jm_list){peers, n - 4};
    agenthost_order(&h, &o);
    answer_until(s->net, SEEN_PRESENT);
}

static void
cmd_vm(char **w, size_t n)
{
    struct w_order o;
    struct w_nic *nic;
    bool fine;

    if (n < 6 || take_system(w[1]) == NULL) {
        printf("no such system\n");
        return;
    }
    random_uuid(h.m.vm);
    random_uuid(h.m.root_vol);
    random_uuid(h.m.seed_vol);
    mill_vm_order(&h.m, &o);
    nic = JM_ITEM(o.vm.nics, struct w_nic, 0);
    o.ordinal = (uint32_t)strtoul(w[2], NULL, 10);
    o.vm.vcpus = o.vm.vcpus_max = 1;
    o.vm.mem_mib = o.vm.mem_max_mib = 80;
    o.vm.root_bytes = 1 << 30;
    o.vm.disks.n = 0;
    (void)snprintf(nic->ip, sizeof(nic->ip), "%s", w[3]);
    (void)snprintf(nic->mac, sizeof(nic->mac), "%s", w[4]);
    (void)snprintf(o.vm.hostname, sizeof(o.vm.hostname), "%s", w[5]);
    agenthost_order(&h, &o);
    fine = agenthost_until(&h, o.resource, SEEN_RUNNING);
    printf("%s %s\n", fine ? "ok" : "no", o.resource);
}

static void
obey(char *line)
{
    char *w[WORDS_MAX], *save = NULL;
    size_t n = 0;

    for (char *t = strtok_r(line, " \n", &save); t != NULL && n < WORDS_MAX;
         t = strtok_r(NULL, " \n", &save))
        w[n++] = t;
    if (n == 0)
        return;
    if (strcmp(w[0], "system") == 0)
        cmd_system(w, n);
    else if (strcmp(w[0], "net") == 0)
        cmd_net(w, n);
    else if (strcmp(w[0], "vm") == 0)
        cmd_vm(w, n);
    else if (strcmp(w[0], "until") == 0 && n == 3)
        answer_until(w[1], seen_word(w[2]));
    else
        printf("ok\n");
    (void)fflush(stdout);
}

/* The whole line comes at once. */
static bool
line_read(char *line, size_t size)
{
    for (size_t n = 0; n + 1 < size; n++) {
        if (read(STDIN_FILENO, line + n, 1) != 1)
            return false;
        if (line[n] == '\n') {
            line[n + 1] = '\0';
            return true;
        }
    }
    return false;
}

int
main(int argc, char **argv)
{
    char line[LINE_MAX_BYTES], extra[200];

    if (argc != 5)
        return 2;
    (void)snprintf(extra, sizeof(extra),
                   "forbid_kvm = yes\npool_name = bianyun-segment\ncall_deadline_ms = 60000\n"
                   "[network]\nunderlay = %s\n",
                   argv[2]);
    agenthost_at(&h, argv[1], "qemu:///system", argv[3], argv[4], extra);
    agenthost_start(&h);
    for (;;) {
        struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
        int wait = agent_round(&h.ag);

        agent_wait(&h.ag, wait < STEP_MS ? wait : STEP_MS);
        if (poll(&p, 1, 0) <= 0)
            continue;
        if (!line_read(line, sizeof(line)))
            _exit(0); /* the test has ended */
        obey(line);
    }
}
