/* Filters through libnftables, in two tables of our own that all parts share, with sets that name
 * the parts: rules cost the same for one part as for hundreds.
 *   bridge bianyun-parts: DHCP, and whatever is from or to a part's gateway, does not cross its
 *                         VXLAN device, in either direction
 *   inet bianyun-parts:   VXLAN frames of our VNIs are taken from their peers only
 * The rules are read back as text and compared with the text that they were made of, which is the
 * form that nft lists them in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>

#include "drivers/base/strbuf.h"
#include "drivers/host/segment_int.h"

#define TABLE "bianyun-parts"
#define SET_GATEWAYS "\tset gateways {\n\t\ttype ifname . ipv4_addr\n"
#define SET_VNIS "\tset vnis {\n\t\ttypeof @th,96,24\n"
#define SET_SOURCES "\tset sources {\n\t\ttypeof @th,96,24 . ip saddr\n"
#define NO_CROSSING(chain, hook, priority, ifname)                                                 \
    "\tchain " chain " {\n\t\ttype filter hook " hook " priority " priority "; policy accept;\n"   \
    "\t\t" ifname " \"bx*\" udp dport { 67, 68 } drop\n"                                           \
    "\t\t" ifname " \"bx*\" udp sport { 67, 68 } drop\n"                                           \
    "\t\t" ifname " . arp saddr ip @gateways drop\n"                                               \
    "\t\t" ifname " . arp daddr ip @gateways drop\n"                                               \
    "\t\t" ifname " . ip saddr @gateways drop\n"                                                   \
    "\t\t" ifname " . ip daddr @gateways drop\n\t}\n"

static const char rules_bridge[] = NO_CROSSING("in", "prerouting", "-350", "iifname")
    NO_CROSSING("out", "postrouting", "350", "oifname");
static const char rules_inet[] =
    "\tchain underlay {\n\t\ttype filter hook input priority -350; policy accept;\n"
    "\t\tudp dport 4789 @th,96,24 @vnis @th,96,24 . ip saddr != @sources drop\n\t}\n";

/* Only what this kernel has not is UNSUPPORTED; all else may be otherwise next time. */
static bool
is_lack(const char *why)
{
    static const int lacks[] = {EOPNOTSUPP, EPROTONOSUPPORT, EAFNOSUPPORT, ENOENT};

    for (size_t i = 0; i < ARRAY_LEN(lacks); i++)
        if (strstr(why, strerror(lacks[i])) != NULL)
            return true;
    return false;
}

/* libnftables ends the process when there is no such socket. */
static int
nft_there(struct err *e)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

    if (fd < 0 && is_lack(strerror(errno)))
        return err_set(e, BY_E_UNSUPPORTED,
                       "not available on this host: the kernel has no nftables (%s)",
                       strerror(errno));
    if (fd < 0)
        return err_set(e, BY_E_IO,
                       "the kernel's filters cannot be reached: %s; the agent must run as root, "
                       "with open files to spare",
                       strerror(errno));
    (void)close(fd);
    return 0;
}

/* Run it; 0, or what nft said in why (size bytes).  out: what it printed, may be NULL. */
static int
nft_run(const char *text, struct strbuf *out, char *why, size_t size)
{
    struct nft_ctx *c = nft_ctx_new(NFT_CTX_DEFAULT);
    int rc = -1;

    if (c != NULL && nft_ctx_buffer_output(c) == 0 && nft_ctx_buffer_error(c) == 0) {
        const char *said;

        nft_ctx_output_set_flags(c, NFT_CTX_OUTPUT_NUMERIC_PRIO | NFT_CTX_OUTPUT_STATELESS);
        rc = nft_run_cmd_from_buffer(c, text);
        said = rc == 0 ? nft_ctx_get_output_buffer(c) : nft_ctx_get_error_buffer(c);
        if (rc == 0 && out != NULL && said != NULL)
            strbuf_adds(out, said);
        if (rc != 0)
            (void)snprintf(why, size, "%.*s", (int)strcspn(said != NULL ? said : "", "\n"),
                           said != NULL ? said : "");
    } else {
        (void)snprintf(why, size, "no memory");
    }
    if (c != NULL)
        nft_ctx_free(c);
    return rc;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* The chains of a listing: from the first of them on; what stands between is blank lines. */
static bool
rules_are(const char *listing, const char *rules)
{
    const char *at = strstr(listing, "\tchain ");

    for (; at != NULL && *at != '\0' && *rules != '\0'; at++) {
        if (*at == '\n' && at[1] == '\n')
            continue;
        if (*at != *rules++)
            return false;
    }
    return at != NULL && *rules == '\0' && strcmp(at, "}\n") == 0;
}

/* No table is an empty text, and so is one without that set: it is made anew. */
static int
table_read(const char *all, const char *family, const char *set, struct arena *a, const char **out,
           struct err *e)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char why[160], cmd[64];

    *out = "";
    (void)snprintf(cmd, sizeof(cmd), "table %s " TABLE "\n", family);
    if (strstr(all, cmd) == NULL)
        return 0;
    (void)snprintf(cmd, sizeof(cmd), "list table %s " TABLE "\n", family);
    if (nft_run(cmd, &text, why, sizeof(why)) != 0)
        return err_set(e, BY_E_IO, "the filters of segments cannot be read: %s; it is tried again",
                       why);
    if (strstr(strbuf_peek(&text), set) != NULL)
        *out = arena_strdup(a, strbuf_peek(&text));
    return 0;
}

/* One of "\"bx0123456789ab\" . 10.1.2.1", "0x4d . 10.9.0.2" and "0x4d". */
static void
element_read(const char *at, size_t len, struct segment_element *out)
{
    size_t key = *at == '"' ? 1 : 0, n = 0;
    const char *end = at + len;

    for (at += key; at < end && strchr("\" \t\n", *at) == NULL && n + 1 < sizeof(out->key); at++)
        out->key[n++] = *at;
    out->key[n] = '\0';
    while (at < end && strchr("\" .", *at) != NULL)
        at++;
    for (n = 0; at < end && strchr("0123456789.", *at) != NULL && n + 1 < sizeof(out->ip); at++)
        out->ip[n++] = *at;
    out->ip[n] = '\0';
    out->vni = out->key[0] == '0' ? (uint32_t)strtoul(out->key, NULL, 16) : 0;
}

static struct segment_set
set_read(const char *listing, const char *set, struct arena *a)
{
    const char *at = strstr(listing, set), *end = at != NULL ? strstr(at, "\t}\n") : NULL;
    struct segment_set out = {0};
    struct segment_element *v;
    size_t most = 1;

    at = end != NULL ? strstr(at, "elements = {") : NULL;
    if (at == NULL || at > end)
        return out;
    at += strlen("elements = {");
    for (const char *p = at; p < end; p++)
        most += *p == ',';
    v = arena_alloc(a, most * sizeof(*v));
    while (at < end && *at != '}') {
        size_t len = strcspn(at, ",}"), blank = strspn(at, " \t\n");

        if (blank < len)
            element_read(at + blank, len - blank, &v[out.n++]);
        at += len + (at[len] == ',' ? 1 : 0);
    }
    out.v = v;
    return out;
}

int
segment_nft_read(struct arena *a, struct segment_filters *out, struct err *e)
{
    SCOPED(strbuf) struct strbuf all = {0};
    char why[160];

    *out = (struct segment_filters){.bridge = "", .inet = ""};
    if (nft_there(e) < 0)
        return -1;
    if (nft_run("list tables\n", &all, why, sizeof(why)) != 0)
        return is_lack(why) || strstr(why, strerror(EINVAL)) != NULL /* no such subsystem */
                   ? err_set(e, BY_E_UNSUPPORTED,
                             "not available on this host: the kernel has no nftables: %s", why)
                   : err_set(e, BY_E_IO,
                             "the kernel's filters cannot be listed: %s; it is tried again", why);
    out->there = strstr(strbuf_peek(&all), " " TABLE "\n") != NULL;
    if (table_read(strbuf_peek(&all), "bridge", SET_GATEWAYS, a, &out->bridge, e) < 0 ||
        table_read(strbuf_peek(&all), "inet", SET_VNIS, a, &out->inet, e) < 0)
        return -1;
    out->rules = rules_are(out->bridge, rules_bridge) && rules_are(out->inet, rules_inet) &&
                 strstr(out->inet, SET_SOURCES) != NULL;
    out->gateways = set_read(out->bridge, SET_GATEWAYS, a);
    out->vnis = set_read(out->inet, SET_VNIS, a);
    out->sources = set_read(out->inet, SET_SOURCES, a);
    return 0;
}

static bool
sources_are(const struct segment_filters *f, struct arena *a, const struct segment_seen *io)
{
    const char **v = arena_alloc(a, (f->sources.n + 1) * sizeof(*v));
    size_t n = 0;

    for (size_t i = 0; i < f->sources.n; i++)
        if (f->sources.v[i].vni == io->vni)
            v[n++] = f->sources.v[i].ip;
    if (n != io->n_peers)
        return false;
    if (n > 1)
        qsort(v, n, sizeof(*v), segment_text_cmp);
    for (size_t i = 0; i < n; i++)
        if (strcmp(v[i], io->peers[i]) != 0)
            return false;
    return true;
}

void
segment_nft_see(const struct segment_filters *f, struct arena *a, struct segment_seen *io)
{
    size_t gateways = 0;
    bool guarded = false;

    io->gateway[0] = '\0';
    for (size_t i = 0; i < f->gateways.n; i++)
        if (strcmp(f->gateways.v[i].key, io->name) == 0 && gateways++ == 0)
            memcpy(io->gateway, f->gateways.v[i].ip, sizeof(io->gateway));
    if (gateways > 1)
        io->gateway[0] = '\0';
    for (size_t i = 0; i < f->vnis.n; i++)
        guarded = guarded || f->vnis.v[i].vni == io->vni;
    io->filtered = f->rules && guarded && sources_are(f, a, io);
}

/* ---- changing ------------------------------------------------------------------------------- */

/* A set with the elements that a listing has of it. */
static void
set_again(struct strbuf *b, const char *set, const char *listing)
{
    const char *at = strstr(listing, set);
    const char *end = at != NULL ? strstr(at, "\t}\n") : NULL;

    strbuf_adds(b, set);
    if (end != NULL)
        strbuf_add(b, at + strlen(set), (size_t)(end - at) - strlen(set));
    strbuf_adds(b, "\t}\n");
}

/* The tables as they must be, in one step; what is in the sets stays. */
static void
tables_again(struct strbuf *b, const struct segment_filters *now)
{
    static const char *const families[] = {"bridge", "inet"};

    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        strbuf_addf(b, "add table %s " TABLE "\ndelete table %s " TABLE "\n", families[i],
                    families[i]);
    strbuf_adds(b, "table bridge " TABLE " {\n");
    set_again(b, SET_GATEWAYS, now->bridge);
    strbuf_addf(b, "%s}\ntable inet " TABLE " {\n", rules_bridge);
    set_again(b, SET_VNIS, now->inet);
    set_again(b, SET_SOURCES, now->inet);
    strbuf_addf(b, "%s}\n", rules_inet);
}

static bool
keeps(const struct segment_keep *keep, bool by_name, const struct segment_element *x)
{
    for (size_t i = 0; i < keep->n; i++)
        if (by_name ? strcmp(keep->names[i], x->key) == 0 : keep->vnis[i] == x->vni)
            return true;
    return false;
}

/* Everything that is of no device that is kept: also what a part left whose device went before its
 * filters did, whatever its name and VNI were. */
static void
drop_text(struct strbuf *b, const struct segment_filters *now, const struct segment_keep *keep)
{
    for (size_t i = 0; i < now->gateways.n; i++)
        if (!keeps(keep, true, &now->gateways.v[i]))
            strbuf_addf(b, "delete element bridge " TABLE " gateways { \"%s\" . %s }\n",
                        now->gateways.v[i].key, now->gateways.v[i].ip);
    for (size_t i = 0; i < now->sources.n; i++)
        if (!keeps(keep, false, &now->sources.v[i]))
            strbuf_addf(b, "delete element inet " TABLE " sources { %s . %s }\n",
                        now->sources.v[i].key, now->sources.v[i].ip);
    for (size_t i = 0; i < now->vnis.n; i++)
        if (!keeps(keep, false, &now->vnis.v[i]))
            strbuf_addf(b, "delete element inet " TABLE " vnis { %s }\n", now->vnis.v[i].key);
}

/* Why they were not taken.  "No such file" is said of a kernel without a kind of rule, and also of
 * what somebody took away since it was read. */
static int
not_taken(const struct segment_filters *now, const struct segment_spec *spec, const char *why,
          struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct segment_filters is;

    if (segment_nft_read(&a, &is, e) < 0)
        return -1;
    if (strcmp(is.bridge, now->bridge) != 0 || strcmp(is.inet, now->inet) != 0)
        return err_set(e, BY_E_BUSY,
                       "somebody else changed the tables " TABLE " of this host at the same "
                       "moment: it is tried again");
    if (is_lack(why))
        return err_set(e, BY_E_UNSUPPORTED,
                       "not available on this host: the kernel does not take the filters of a "
                       "segment: %s",
                       why);
    return err_set(e, BY_E_IO,
                   "the filters of segment %u cannot be set: %s; it is tried again, see 'nft list "
                   "ruleset' on this host",
                   (unsigned)spec->vni, why);
}

int
segment_nft_set(const struct segment_filters *now, const struct segment_keep *keep,
                const struct segment_spec *spec, const char *name, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf b = {0};
    struct segment_filters after;
    char why[160];

    if (!now->rules)
        tables_again(&b, now);
    drop_text(&b, now, keep);
    strbuf_addf(&b, "add element bridge " TABLE " gateways { \"%s\" . %s }\n", name, spec->gateway);
    strbuf_addf(&b, "add element inet " TABLE " vnis { 0x%x }\n", (unsigned)spec->vni);
    for (size_t i = 0; i < spec->n_peers; i++)
        strbuf_addf(&b, "add element inet " TABLE " sources { 0x%x . %s }\n", (unsigned)spec->vni,
                    spec->peers[i]);
    if (nft_run(strbuf_peek(&b), NULL, why, sizeof(why)) != 0)
        return not_taken(now, spec, why, e);
    if (segment_nft_read(&a, &after, e) < 0)
        return -1;
    return after.rules ? 0
                       : err_set(e, BY_E_IO,
                                 "the filters of segments read back otherwise than they were set: "
                                 "see 'nft list ruleset' on this host, and whether another "
                                 "program writes the tables " TABLE);
}

int
segment_nft_drop(const struct segment_filters *now, const struct segment_keep *keep, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    char why[160];

    if (!now->there)
        return 0;
    if (keep->n == 0)
        strbuf_adds(&b, "add table bridge " TABLE "\ndelete table bridge " TABLE "\n"
                        "add table inet " TABLE "\ndelete table inet " TABLE "\n");
    else
        drop_text(&b, now, keep);
    if (b.len > 0 && nft_run(strbuf_peek(&b), NULL, why, sizeof(why)) != 0)
        return err_set(e, BY_E_IO,
                       "the filters of a segment cannot be removed: %s; it is tried again, see "
                       "'nft list ruleset' on this host",
                       why);
    return 0;
}
