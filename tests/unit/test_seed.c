#include <CUnit/CUnit.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "drivers/base/scope.h"
#include "drivers/host/durable.h"
#include "drivers/host/seed.h"
#include "tests/unit/tmpdir.h"

static struct w_nic cards[] = {
    {.mac = "52:54:00:00:00:01", .ip = "10.0.0.2"},
    {.mac = "52:54:00:00:00:02", .ip = "10.0.1.2"},
};

static struct w_vm_spec
sample(void)
{
    return (struct w_vm_spec){
        .id = "6f1d3c52-8a01-4e7e-9a55-0123456789ab",
        .hostname = "web-1",
        .ssh_key = "ssh-ed25519 AAAA \"quoted\\ key\n- runcmd: [x]",
        .nics = {cards, ARRAY_LEN(cards)},
    };
}

static void
quotes_values_so_that_they_stay_values(void)
{
    SCOPED(strbuf) struct strbuf meta = {0};
    SCOPED(strbuf) struct strbuf user = {0};
    SCOPED(strbuf) struct strbuf net = {0};
    struct w_vm_spec vm = sample();

    seed_meta_data(&vm, &meta);
    CU_ASSERT_STRING_EQUAL(strbuf_peek(&meta),
                           "{\"instance-id\": \"6f1d3c52-8a01-4e7e-9a55-0123456789ab\", "
                           "\"local-hostname\": \"web-1\"}\n");
    seed_user_data(&vm, &user);
    CU_ASSERT_PTR_NOT_NULL(strstr(strbuf_peek(&user),
                                  "[\"ssh-ed25519 AAAA \\\"quoted\\\\ key\\u000a- runcmd: [x]\"]"));
    CU_ASSERT_EQUAL(strncmp(strbuf_peek(&user), "#cloud-config\n", 14), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(strbuf_peek(&user), "{\"hostname\": \"web-1\","));
    CU_ASSERT_PTR_NOT_NULL(strstr(strbuf_peek(&user), "\"users\": [\"default\"]"));
    CU_ASSERT_PTR_NOT_NULL(strstr(strbuf_peek(&user), "\"ssh_pwauth\": false"));
    CU_ASSERT_PTR_NULL(strcasestr(strbuf_peek(&user), "password"));
    CU_ASSERT_PTR_NULL(strcasestr(strbuf_peek(&user), "private"));
    seed_network_config(&vm, &net);
    CU_ASSERT_EQUAL(strncmp(strbuf_peek(&net), "{\"version\": 2, \"ethernets\"", 25), 0);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(strbuf_peek(&net),
               "\"nic1\": {\"match\": {\"macaddress\": \"52:54:00:00:00:02\"}, \"dhcp4\": true"));
}

static void
makes_equal_bytes_for_equal_input(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(strbuf) struct strbuf file = {0};
    SCOPED(strbuf) struct strbuf memory = {0};
    SCOPED(fd) int fd = -1;
    struct w_vm_spec vm = sample();
    struct err e = {0};
    char path[512], mem_path[SEED_PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/seed", dir);
    CU_ASSERT_EQUAL_FATAL(seed_write(&vm, path, &e), 0);
    CU_ASSERT_EQUAL_FATAL(seed_memfd(&vm, &fd, mem_path, &e), 0);
    CU_ASSERT_EQUAL(durable_read(path, 4 << 20, &file, &e), 0);
    CU_ASSERT_EQUAL(durable_read(mem_path, 4 << 20, &memory, &e), 0);
    CU_ASSERT_EQUAL(file.len, memory.len);
    CU_ASSERT_EQUAL(memcmp(strbuf_peek(&file), strbuf_peek(&memory), file.len), 0);
    CU_ASSERT_EQUAL(file.len % 2048, 0);
}

static int
holds(const struct strbuf *b, const char *bytes, size_t len)
{
    return memmem(b->s, b->len, bytes, len) != NULL;
}

static void
makes_an_image_that_cloud_init_finds(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(strbuf) struct strbuf iso = {0};
    struct w_vm_spec vm = sample();
    struct err e = {0};
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/seed", dir);
    CU_ASSERT_EQUAL_FATAL(seed_write(&vm, path, &e), 0);
    CU_ASSERT_EQUAL_FATAL(durable_read(path, 4 << 20, &iso, &e), 0);
    CU_ASSERT_FATAL(iso.len > 20 * 2048);
    /* Primary descriptor: type 1, CD001, volume name at byte 40. */
    CU_ASSERT_EQUAL(memcmp(iso.s + 16 * 2048, "\001CD001\001", 7), 0);
    CU_ASSERT_EQUAL(memcmp(iso.s + 16 * 2048 + 40, "CIDATA ", 7), 0);
    CU_ASSERT(holds(&iso, "\002CD001\001", 7));                /* Joliet */
    CU_ASSERT(holds(&iso, "\0u\0s\0e\0r\0-\0d\0a\0t\0a", 18)); /* its names */
    CU_ASSERT(holds(&iso, "NM\016\001\000meta-data", 14));     /* Rock Ridge name */
    CU_ASSERT(holds(&iso, "\"local-hostname\": \"web-1\"", 25));
}

/* Setting it while another thread copies it (json-c does at every parse) writes past the copy. */
static void
leaves_the_locale_of_the_process_alone(void)
{
    struct w_vm_spec vm = sample();
    struct err e = {0};
    SCOPED(fd) int fd = -1;
    char path[SEED_PATH_MAX], before[64];

    CU_ASSERT_EQUAL(setenv("LC_ALL", "C.UTF-8", 1), 0);
    (void)snprintf(before, sizeof(before), "%s", setlocale(LC_ALL, NULL));
    CU_ASSERT_EQUAL_FATAL(seed_memfd(&vm, &fd, path, &e), 0);
    CU_ASSERT_STRING_EQUAL(setlocale(LC_ALL, NULL), before);
    CU_ASSERT_EQUAL(unsetenv("LC_ALL"), 0);
}

CU_TestInfo seed_tests[] = {
    {"quotes values so that they stay values", quotes_values_so_that_they_stay_values},
    {"makes equal bytes for equal input", makes_equal_bytes_for_equal_input},
    {"makes an image that cloud-init finds", makes_an_image_that_cloud_init_finds},
    {"leaves the locale of the process alone", leaves_the_locale_of_the_process_alone},
    CU_TEST_INFO_NULL,
};
