#include "agent/show_pool.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/ident.h"
#include "agent/receipts.h"
#include "drivers/crypto/paper.h"
#include "drivers/host/durable.h"
#include "drivers/host/sharedpool.h"

enum { SHOWN_MAX = 1000 };

/* Without an identity folder only what the configuration says. */
static int
pool_of(const char *dir, const char *config_file, struct arena *a, struct agent_config *conf,
        struct err *e)
{
    const char *own = arena_printf(a, "%s/agent.conf", dir);

    if (config_file == NULL && access(own, F_OK) == 0)
        config_file = own;
    return agent_config_load(config_file, conf, e);
}

int
show_pool_share(const char *dir, const char *config_file, FILE *out, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct agent_config conf;
    char id[W_ID];

    if (pool_of(dir, config_file, &a, &conf, e) < 0 || sharedpool_share(conf.pool_path, id, e) < 0)
        return -1;
    fprintf(out,
            "%s is the shared pool %s\n"
            "every agent whose pool_path is this folder finds that out by itself\n",
            conf.pool_path, id);
    return 0;
}

/* The agent is held off by its folder's lock. */
static int
leave(const struct ident *who, struct err *e)
{
    SCOPED(receipts_free) struct receipts *r = NULL;
    SCOPED(arena) struct arena a = {0};

    if (receipts_read(who->receipts_dir, who->receipts, &r, e) < 0)
        return -1;
    for (size_t i = 0; i < receipts_count(r); i++)
        if (!receipts_at(r, i)->facts.absent)
            return err_set(
                e, BY_E_CONFLICT,
                "this host still answers for %s, which may have disks in the shared "
                "pool: have its machines erased first; see 'bianyun-agent receipts list'",
                receipts_at(r, i)->id);
    return durable_remove(arena_printf(&a, "%s/pool.steward", who->dir), e) < 0 ||
                   durable_remove(arena_printf(&a, "%s/pool.shared", who->dir), e) < 0
               ? -1
               : 0;
}

int
show_pool_leave(const char *dir, FILE *out, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    SCOPED(fd) int lock = -1;
    struct ident who;

    if (ident_load(dir, &a, &who, e) < 0 || ident_lock(dir, 0, &lock, e) < 0 || leave(&who, e) < 0)
        return -1;
    fprintf(out, "this host works with whichever folder its pool_path names from now on\n");
    return 0;
}

/* As it stands there: whether it is genuine, agents check. */
static void
print_steward(const char *pool, struct arena *a, FILE *out)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_envelope env;
    struct w_steward w;
    int fd = -1;

    if (sharedpool_steward_read(pool, &b, NULL) < 0 || paper_parse(b.s, b.len, a, &env, NULL) < 0 ||
        W_DECODE(steward, env.body, strlen(env.body), JM_PEER, a, &w, NULL) < 0) {
        fprintf(out, "steward  none yet: the controller names one\n");
        return;
    }
    fprintf(out, "steward  %s (%s), term %" PRIu64 "\n", w.host_name, w.host, w.term);
    if (sharedpool_lock(pool, &fd, NULL) == 0) {
        fprintf(out, "lock     held by nobody: the steward's agent does not run\n");
        (void)close(fd); /* ends the lock; nothing was written to it */
    } else {
        fprintf(out, "lock     held\n");
    }
}

static int
print_asks(const char *pool, struct arena *a, FILE *out, struct err *e)
{
    struct sharedpool_file *asks;
    size_t n;

    if (sharedpool_list(pool, SHAREDPOOL_ASK, SHOWN_MAX, a, &asks, &n, e) < 0)
        return -1;
    if (n > 0)
        fprintf(out, "\n%-36s  %-9s  %-20s  SECONDS\n", "RESOURCE", "ASKS", "HOST");
    for (size_t i = 0; i < n; i++) {
        SCOPED(strbuf) struct strbuf b = {0};
        struct w_pool_ask ask;

        if (sharedpool_read(pool, SHAREDPOOL_ASK, asks[i].name, &b, NULL) < 0 ||
            W_DECODE(pool_ask, b.s, b.len, JM_PEER, a, &ask, NULL) < 0) {
            fprintf(out, "%.36s  not readable\n", asks[i].name);
            continue;
        }
        fprintf(out, "%.36s  %-9s  %-20s  %" PRId64 "\n", asks[i].name, w_pool_act_names[ask.act],
                ask.host_name, asks[i].age_ms / 1000);
    }
    return 0;
}

int
show_pool(const char *dir, const char *config_file, FILE *out, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    struct agent_config conf;
    char id[W_ID];

    if (pool_of(dir, config_file, &a, &conf, e) < 0)
        return -1;
    if (sharedpool_identify(conf.pool_path, id, e) < 0) {
        if (e->code != BY_E_NOT_FOUND)
            return -1;
        return err_set(e, BY_E_NOT_FOUND,
                       "%s is not marked as a shared pool; is it mounted? mark it once with: "
                       "bianyun-agent pool share --dir %s",
                       conf.pool_path, dir);
    }
    fprintf(out, "pool     %s\npath     %s\n", id, conf.pool_path);
    print_steward(conf.pool_path, &a, out);
    return print_asks(conf.pool_path, &a, out, e);
}
