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

/* libnftables ends the process when there is no such socket. */
static int
nft_there(struct err *e)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

    if (fd < 0)
        return err_set(e, BY_E_UNSUPPORTED,
                       "not available on this host: the kernel has no nftables (%s)",
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

static int
table_read(const char *family, const char *set, struct arena *a, const char **out)
{
    SCOPED(strbuf) struct strbuf text = {0};
    char why[160], cmd[64];

    (void)snprintf(cmd, sizeof(cmd), "list table %s " TABLE "\n", family);
    *out = "";
    if (nft_run(cmd, &text, why, sizeof(why)) != 0)
        return -1; /* there is none, or it cannot be read: making it says why */
    if (strstr(strbuf_peek(&text), set) != NULL) /* else it is made anew */
        *out = arena_strdup(a, strbuf_peek(&text));
    return 0;
}

int
segment_nft_read(struct arena *a, struct segment_filters *out, struct err *e)
{
    int bridge, inet;

    *out = (struct segment_filters){.bridge = "", .inet = ""};
    if (nft_there(e) < 0)
        return -1;
    /* Both, whatever became of one: what the other has is kept when they are made again. */
    bridge = table_read("bridge", SET_GATEWAYS, a, &out->bridge);
    inet = table_read("inet", SET_VNIS, a, &out->inet);
    out->rules = bridge == 0 && inet == 0 && rules_are(out->bridge, rules_bridge) &&
                 rules_are(out->inet, rules_inet) && strstr(out->inet, SET_SOURCES) != NULL;
    return 0;
}

/* Second halves of the elements `KEY . ADDRESS` in a listing. */
static size_t
elements_of(const char *listing, const char *key, struct arena *a, const char ***out)
{
    size_t n = 0, len = strlen(key);
    const char **v = NULL;

    for (int pass = 0; pass < 2; pass++) {
        n = 0;
        for (const char *at = listing; (at = strstr(at, key)) != NULL; at += len) {
            const char *ip = at + len;
            size_t ip_len = strspn(ip, "0123456789.");

            if (at > listing && strchr(" \t", at[-1]) != NULL && ip_len > 0) {
                if (pass == 1)
                    v[n] = arena_printf(a, "%.*s", (int)ip_len, ip);
                n++;
            }
        }
        if (pass == 0)
            v = arena_alloc(a, (n + 1) * sizeof(*v));
    }
    if (n > 1)
        qsort(v, n, sizeof(*v), segment_text_cmp);
    *out = v;
    return n;
}

static size_t
gateways_of(const struct segment_filters *f, const char *name, struct arena *a, const char ***out)
{
    char key[SEGMENT_NAME + 8];

    (void)snprintf(key, sizeof(key), "\"%s\" . ", name);
    return elements_of(f->bridge, key, a, out);
}

static size_t
sources_of(const struct segment_filters *f, uint32_t vni, struct arena *a, const char ***out)
{
    char key[24];

    (void)snprintf(key, sizeof(key), "0x%x . ", (unsigned)vni);
    return elements_of(f->inet, key, a, out);
}

static bool
vni_is_guarded(const struct segment_filters *f, uint32_t vni)
{
    const char *set = strstr(f->inet, SET_VNIS), *end = set != NULL ? strstr(set, "\t}\n") : NULL;
    char key[16];
    int len = snprintf(key, sizeof(key), "0x%x", (unsigned)vni);

    for (const char *at = set; at != NULL && (at = strstr(at, key)) != NULL && at < end; at += len)
        if (at[len] == ' ' || at[len] == ',')
            return true;
    return false;
}

void
segment_nft_see(const struct segment_filters *f, struct arena *a, struct segment_seen *io)
{
    const char **gateways, **sources;
    size_t n_gateways = gateways_of(f, io->name, a, &gateways);
    size_t n = sources_of(f, io->vni, a, &sources);

    io->gateway[0] = '\0';
    if (n_gateways == 1)
        (void)snprintf(io->gateway, sizeof(io->gateway), "%s", gateways[0]);
    io->filtered = f->rules && vni_is_guarded(f, io->vni) && n == io->n_peers;
    for (size_t i = 0; io->filtered && i < n; i++)
        io->filtered = strcmp(sources[i], io->peers[i]) == 0;
}

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

static void
elements_drop(struct strbuf *b, const char *family, const char *set, const char *key,
              const char *const *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        strbuf_addf(b, "delete element %s " TABLE " %s { %s . %s }\n", family, set, key, v[i]);
}

static void
drop_text(struct strbuf *b, const struct segment_filters *now, const char *name, uint32_t vni,
          struct arena *a)
{
    char key[SEGMENT_NAME + 8];
    const char **v;
    size_t n = gateways_of(now, name, a, &v);

    (void)snprintf(key, sizeof(key), "\"%s\"", name);
    elements_drop(b, "bridge", "gateways", key, v, n);
    if (vni == 0)
        return;
    n = sources_of(now, vni, a, &v);
    (void)snprintf(key, sizeof(key), "0x%x", (unsigned)vni);
    elements_drop(b, "inet", "sources", key, v, n);
    if (vni_is_guarded(now, vni))
        strbuf_addf(b, "delete element inet " TABLE " vnis { 0x%x }\n", (unsigned)vni);
}

int
segment_nft_set(const struct segment_filters *now, const struct segment_spec *spec, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf b = {0};
    struct segment_filters after;
    char why[160], name[SEGMENT_NAME];

    (void)segment_name(spec->bridge, name);
    if (!now->rules)
        tables_again(&b, now);
    drop_text(&b, now, name, spec->vni, &a);
    strbuf_addf(&b, "add element bridge " TABLE " gateways { \"%s\" . %s }\n", name, spec->gateway);
    strbuf_addf(&b, "add element inet " TABLE " vnis { 0x%x }\n", (unsigned)spec->vni);
    for (size_t i = 0; i < spec->n_peers; i++)
        strbuf_addf(&b, "add element inet " TABLE " sources { 0x%x . %s }\n", (unsigned)spec->vni,
                    spec->peers[i]);
    if (nft_run(strbuf_peek(&b), NULL, why, sizeof(why)) != 0)
        return err_set(e, BY_E_UNSUPPORTED,
                       "not available on this host: the kernel does not take the filters of a "
                       "segment: %s",
                       why);
    if (segment_nft_read(&a, &after, e) < 0)
        return -1;
    return after.rules ? 0
                       : err_set(e, BY_E_UNSUPPORTED,
                                 "not available on this host: the filters of a segment read back "
                                 "otherwise than they were set");
}

int
segment_nft_end(const struct segment_filters *now, struct err *e)
{
    char why[160];

    if (now->bridge[0] == '\0' && now->inet[0] == '\0')
        return 0;
    if (nft_run("add table bridge " TABLE "\ndelete table bridge " TABLE "\n"
                "add table inet " TABLE "\ndelete table inet " TABLE "\n",
                NULL, why, sizeof(why)) != 0)
        return err_set(e, BY_E_IO, "the filters of segments cannot be removed: %s", why);
    return 0;
}

int
segment_nft_drop(const struct segment_filters *now, const char *name, uint32_t vni, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(strbuf) struct strbuf b = {0};
    char why[160];

    drop_text(&b, now, name, vni, &a);
    if (b.len > 0 && nft_run(strbuf_peek(&b), NULL, why, sizeof(why)) != 0)
        return err_set(e, BY_E_IO, "the filters of %s cannot be removed: %s", name, why);
    return 0;
}
