#include "agent/ident.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"

enum { FILE_MAX = 64 << 10 };

#define AT(m) .off = offsetof(struct ident, m), .size = sizeof(((struct ident *)0)->m)
static const struct jm_field schema_ident[] = {
    {"host", "id of this host", JM_STR, JM_REQ, JM_UUID, AT(host)},
    {"store", "id of the controller's store", JM_STR, JM_REQ, JM_UUID, AT(store)},
    {"name", "name of this host", JM_STR, JM_REQ, JM_HOST, AT(name)},
    {"incarnation", "changes with each enrolment", JM_U64, JM_REQ, AT(incarnation), .min = 1},
    {"serial", "number of the key and certificate in use", JM_U64, JM_REQ, AT(serial), .min = 1},
    {"receipts", "id of the receipts' folder", JM_STR, JM_REQ, JM_UUID, AT(receipts)},
    {"url", "controller's listener for agents", JM_TEXT, JM_REQ, JM_LINE, AT(url), .max = 512},
    {0},
};
#undef AT

static int
read_text(const char *path, struct arena *a, const char **out, struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};

    if (durable_read(path, FILE_MAX, &b, e) < 0)
        return -1;
    *out = arena_strndup(a, strbuf_peek(&b), b.len);
    return 0;
}

/* The key signs what this host says: nobody else may read it. */
static int
check_key_mode(const char *path, struct err *e)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return err_set(e, BY_E_NOT_FOUND, "%s: %s", path, strerror(errno));
    if ((st.st_mode & 077) != 0)
        return err_set(e, BY_E_DENIED,
                       "%s can be read by others (mode %03o): make it 0600, and enrol this host "
                       "again if anybody may have read it",
                       path, (unsigned)(st.st_mode & 0777));
    return 0;
}

int
ident_load(const char *dir, struct arena *a, struct ident *out, struct err *e)
{
    const char *text = NULL;
    struct ident id;

    if (read_text(arena_printf(a, "%s/identity.json", dir), a, &text, e) < 0) {
        if (e->code == BY_E_NOT_FOUND)
            return err_set(e, BY_E_NOT_FOUND,
                           "%s: this host is not enrolled; ask for a token and run "
                           "bianyun-agent enrol",
                           dir);
        return -1;
    }
    if (jm_decode(text, strlen(text), schema_ident, sizeof(id), JM_SIGNED, a, &id, e) < 0)
        return err_wrap(e, "%s/identity.json", dir);
    id.dir = arena_strdup(a, dir);
    id.key_file = arena_printf(a, "%s/key-%" PRIu64 ".pem", dir, id.serial);
    id.cert_file = arena_printf(a, "%s/cert-%" PRIu64 ".pem", dir, id.serial);
    id.ca_file = arena_printf(a, "%s/ca.pem", dir);
    id.receipts_dir = arena_printf(a, "%s/receipts", dir);
    if (check_key_mode(id.key_file, e) < 0 ||
        read_text(arena_printf(a, "%s/root.pem", dir), a, &id.root_pem, e) < 0 ||
        read_text(id.cert_file, a, &id.cert_pem, e) < 0)
        return -1;
    *out = id;
    return 0;
}

static int
write_in(const char *dir, const char *name, const char *text, size_t len, mode_t mode,
         struct err *e)
{
    SCOPED(arena) struct arena a = {0};

    return durable_write(arena_printf(&a, "%s/%s", dir, name), text, len, mode, e);
}

int
ident_save(const char *dir, const struct ident *id, const char *key_pem, const char *cert_pem,
           struct err *e)
{
    SCOPED(strbuf) struct strbuf b = {0};
    char key[48], cert[48];

    (void)snprintf(key, sizeof(key), "key-%" PRIu64 ".pem", id->serial);
    (void)snprintf(cert, sizeof(cert), "cert-%" PRIu64 ".pem", id->serial);
    jm_encode(schema_ident, id, &b);
    if (write_in(dir, key, key_pem, strlen(key_pem), 0600, e) < 0 ||
        write_in(dir, cert, cert_pem, strlen(cert_pem), 0644, e) < 0)
        return -1;
    return write_in(dir, "identity.json", strbuf_peek(&b), b.len, 0600, e);
}

int
ident_pin(const char *dir, const char *ca_pem, const char *root_pem, struct err *e)
{
    if (write_in(dir, "ca.pem", ca_pem, strlen(ca_pem), 0644, e) < 0)
        return -1;
    return root_pem == NULL ? 0 : write_in(dir, "root.pem", root_pem, strlen(root_pem), 0644, e);
}

int
ident_lock(const char *dir, int wait_ms, int *fd, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const char *path = arena_printf(&a, "%s/lock", dir);
    SCOPED(fd) int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

    if (lock < 0)
        return durable_errno(e, errno, "open", path);
    if (durable_lock(lock, wait_ms) < 0)
        return errno == EWOULDBLOCK
                   ? err_set(e, BY_E_BUSY, "%s: another agent runs with this folder", dir)
                   : durable_errno(e, errno, "lock", path);
    *fd = lock;
    lock = -1;
    return 0;
}
