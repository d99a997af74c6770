/* A configuration file as a hurried administrator may write it.  Properties: a refusal names a line
 * or a row and leaves the settings untouched; what is taken is within the rows' limits. */
#include <string.h>

#include "drivers/base/conf.h"
#include "tests/fuzz/fuzz.h"

struct settings {
    int64_t port;
    bool kvm;
    char name[16], dir[32];
};
static const struct conf_row rows[] = {
    {"net", "port", CONF_INT, CONF_AT(struct settings, port), "8443", 1, 65535, "port"},
    {"net", "name", CONF_STR, CONF_AT(struct settings, name), NULL, 1, 0, "name"},
    {"host", "kvm", CONF_BOOL, CONF_AT(struct settings, kvm), "yes", 0, 0, "KVM"},
    {"host", "dir", CONF_PATH, CONF_AT(struct settings, dir), "/x", 0, 0, "folder"},
    {0},
};

void
fuzz_one(const uint8_t *bytes, size_t len)
{
    struct settings s = {.port = -7};
    struct err e = {0};

    if (len > CONF_MAX_BYTES)
        return;
    if (conf_parse("f", (const char *)bytes, len, rows, sizeof(s), &s, &e) < 0) {
        fuzz_must(s.port == -7 && e.code == BY_E_INVALID && e.msg[0] != '\0');
        return;
    }
    fuzz_must(s.port >= 1 && s.port <= 65535);
    fuzz_must(s.name[0] != '\0' && memchr(s.name, '\0', sizeof(s.name)) != NULL);
    fuzz_must(s.dir[0] == '\0' || s.dir[0] == '/');
    fuzz_planted(!s.kvm);
}
