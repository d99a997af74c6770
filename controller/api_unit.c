/* Units, and the information systems that they own. */
#include <stdio.h>
#include <string.h>

#include "controller/commit.h"
#include "controller/controller.h"
#include "controller/paging.h"
#include "controller/own.h"
#include "controller/routes.h"
#include "controller/units.h"
#include "drivers/crypto/digest.h"
#include "policies/model.h"

static void
unit_read(const struct db_rows *r, struct w_unit *u)
{
    memset(u, 0, sizeof(*u));
    (void)snprintf(u->id, sizeof(u->id), "%s", db_str(r, 0));
    (void)snprintf(u->name, sizeof(u->name), "%s", db_str(r, 1));
    (void)snprintf(u->code, sizeof(u->code), "%s", db_str(r, 2));
    u->kind = (int)db_int(r, 3);
    (void)snprintf(u->parent, sizeof(u->parent), "%s", db_str(r, 4));
}

static int
unit_load(struct db *d, const char *id, const char *field, struct w_unit *u, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    int rc;

    if (DB_QUERY(d, DB_UNIT_GET, &r, e, DBS(id)) < 0 || (rc = db_next(r, e)) < 0)
        return -1;
    if (rc == 0)
        return err_field(e, BY_E_NOT_FOUND, field, "no unit %s", id);
    unit_read(r, u);
    return 0;
}

int
api_unit_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_unit_list *out = k->out;
    const char *mine = own_filter(k);
    struct paging p;
    int rc;

    if (PAGING_OPEN(&p, k, out, unit, 0, e) < 0 ||
        DB_QUERY(t->d, DB_UNIT_LIST, &r, e, DBS(mine), DBS(mine), DBS(p.from.text),
                 DBI(p.from.limit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_unit *u = paging_add(&p, 0, "", db_str(r, 1));

        if (u != NULL)
            unit_read(r, u);
    }
    return rc;
}

static void
unit_live(struct controller *c, void *arg)
{
    units_put(c->units, arg);
}

static void
unit_place(struct tx *t, const char *id, const char *parent)
{
    struct unit_place *p = arena_alloc(tx_arena(t), sizeof(*p));

    (void)snprintf(p->id, sizeof(p->id), "%s", id);
    (void)snprintf(p->parent, sizeof(p->parent), "%s", parent);
    commit_after(t, unit_live, p);
}

/* How deep the parent stands (0: the city), which must be there and not be below `unit`. */
static int
unit_depth(struct db *d, const char *unit, const char *parent, int *depth, struct err *e)
{
    struct w_unit up;

    *depth = 0;
    for (const char *id = parent; id[0] != '\0'; id = up.parent) {
        if (strcmp(id, unit) == 0)
            return err_field(e, BY_E_CONFLICT, "parent",
                             "the unit would stand below itself: choose another place");
        if (unit_load(d, id, "parent", &up, e) < 0)
            return -1;
        if (up.kind == UNIT_PROVIDER)
            return err_field(e, BY_E_CONFLICT, "parent",
                             "the unit would stand below %s, a provider: a provider's company "
                             "oversees nobody, choose a county or the city",
                             up.name);
        if (++*depth > UNITS_DEPTH)
            break;
    }
    return 0;
}

static int
unit_levels(struct db *d, const char *unit, int *levels, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;

    if (DB_QUERY(d, DB_UNIT_BELOW, &r, e, DBS(unit)) < 0 || db_next(r, e) != 1)
        return -1;
    *levels = (int)db_int(r, 0);
    return 0;
}

/* levels: of the unit and what is below it. */
static int
unit_fits(struct db *d, const char *unit, const char *parent, int levels, struct err *e)
{
    int depth;

    if (unit_depth(d, unit, parent, &depth, e) < 0)
        return -1;
    return depth + levels <= UNITS_DEPTH
               ? 0
               : err_field(e, BY_E_CONFLICT, "parent", "the tree of units has at most %d levels",
                           UNITS_DEPTH);
}

int
api_unit_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_unit *in = k->in;
    struct w_unit *out = k->out;

    *out = *in;
    out->kind = in->kind == UNIT_NONE ? UNIT_TENANT : in->kind;
    random_uuid(out->id);
    if (unit_fits(t->d, out->id, in->parent, 1, e) < 0)
        return -1;
    if (DB_EXEC(t->d, DB_UNIT_ADD_TREE, NULL, e, DBS(out->id), DBS(in->name), DBS(in->code),
                DBI(out->kind), DBS(in->parent), DBI(t->now_ms)) < 0)
        return e->code == BY_E_CONFLICT ? err_field(e, BY_E_CONFLICT, "name",
                                                    "a unit '%s' is registered already", in->name)
                                        : -1;
    unit_place(t, out->id, in->parent);
    return 0;
}

int
api_unit_move(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_unit_move *in = k->in;
    struct w_unit *out = k->out;
    char from[W_ID], body[200];
    int levels = 0;

    if (unit_load(t->d, k->id, "", out, e) < 0 || unit_levels(t->d, k->id, &levels, e) < 0 ||
        unit_fits(t->d, k->id, in->parent, levels, e) < 0)
        return -1;
    memcpy(from, out->parent, sizeof(from));
    memcpy(out->parent, in->parent, sizeof(out->parent));
    if (in->kind != UNIT_NONE)
        out->kind = in->kind;
    if (out->kind == UNIT_PROVIDER && levels > 1)
        return err_field(e, BY_E_CONFLICT, "kind",
                         "units stand below %s: a provider's company oversees nobody, move them "
                         "first",
                         out->name);
    (void)snprintf(body, sizeof(body), "{\"from\":\"%s\",\"kind\":\"%s\",\"to\":\"%s\"}", from,
                   w_unit_kind_names[out->kind], out->parent);
    if (DB_EXEC(t->d, DB_UNIT_PLACE, NULL, e, DBI(out->kind), DBS(out->parent), DBS(k->id)) < 0 ||
        ledger_append(t, k->who.account, "unit.moved", k->id, body, e) < 0)
        return -1;
    unit_place(t, k->id, out->parent);
    return 0;
}

int
api_system_list(struct api_call *k, struct tx *t, struct err *e)
{
    SCOPED(db_rows_free) struct db_rows *r = NULL;
    struct w_system_list *out = k->out;
    const char *mine = own_filter(k);
    struct paging p;
    int rc;

    if (PAGING_OPEN(&p, k, out, system, 0, e) < 0 ||
        DB_QUERY(t->d, DB_SYSTEM_LIST, &r, e, DBS(mine), DBS(mine), DBS(p.from.text),
                 DBS(p.from.id), DBI(p.from.limit)) < 0)
        return -1;
    while ((rc = db_next(r, e)) == 1) {
        struct w_system *s = paging_add(&p, 0, db_str(r, 0), db_str(r, 1));

        if (s == NULL)
            continue;
        (void)snprintf(s->id, sizeof(s->id), "%s", db_str(r, 0));
        (void)snprintf(s->name, sizeof(s->name), "%s", db_str(r, 1));
        (void)snprintf(s->unit, sizeof(s->unit), "%s", db_str(r, 2));
        s->mlps_level = (uint32_t)db_int(r, 3);
        s->purpose = arena_strdup(k->a, db_str(r, 4));
        s->ssh_key = db_str(r, 5)[0] == '\0' ? NULL : arena_strdup(k->a, db_str(r, 5));
    }
    return rc;
}

/* TYPE BASE64 [COMMENT], as sshd reads it; the blob repeats the type. */
static bool
ssh_key_form(const char *s)
{
    static const char *const types[] = {"ssh-ed25519",
                                        "ssh-rsa",
                                        "ecdsa-sha2-nistp256",
                                        "ecdsa-sha2-nistp384",
                                        "ecdsa-sha2-nistp521",
                                        "sk-ssh-ed25519@openssh.com",
                                        "sk-ecdsa-sha2-nistp256@openssh.com"};
    static const char b64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        size_t n = strlen(types[i]), m;

        if (strncmp(s, types[i], n) != 0 || strncmp(s + n, " AAAA", 5) != 0)
            continue;
        m = strspn(s + n + 1, b64);
        m += strspn(s + n + 1 + m, "=");
        return m >= 32 && (s[n + 1 + m] == '\0' || s[n + 1 + m] == ' ');
    }
    return false;
}

int
api_system_add(struct api_call *k, struct tx *t, struct err *e)
{
    const struct w_system *in = k->in;
    struct w_system *out = k->out;

    if (own_check(k, in->unit, "unit", e) < 0)
        return err_field(e, BY_E_DENIED, "unit", "a tenant registers systems of its own unit only");
    if (in->mlps_level > MLPS_MAX)
        return err_field(e, BY_E_INVALID, "mlps_level",
                         "systems above MLPS level %d may not be put on this cloud", MLPS_MAX);
    if (in->ssh_key != NULL && in->ssh_key[0] != '\0' && !ssh_key_form(in->ssh_key))
        return err_field(e, BY_E_INVALID, "ssh_key",
                         "that is no SSH public key: one line like 'ssh-ed25519 AAAA… name', the "
                         "content of a .pub file");
    *out = *in;
    random_uuid(out->id);
    if (DB_EXEC(t->d, DB_SYSTEM_ADD, NULL, e, DBS(out->id), DBS(in->name), DBS(in->unit),
                DBI(in->mlps_level), DBS(in->purpose), DBS(in->ssh_key == NULL ? "" : in->ssh_key),
                DBI(t->now_ms)) == 0)
        return 0;
    if (e->code != BY_E_CONFLICT)
        return -1;
    return err_field(e, BY_E_CONFLICT, "name",
                     "the unit has a system '%s' already, or there is no such unit", in->name);
}
