#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/netpart.h"

#define NET                                                                                        \
    "{\"bridge\":\"by4e7000000000\",\"cidr\":\"10.1.2.0/24\","                                     \
    "\"id\":\"4e700000-0000-4000-8000-000000000001\",\"name\":\"lan\""
#define PEERS(...) ",\"peers\":[" __VA_ARGS__ "]"
#define IP(s) "{\"ip\":\"" s "\"}"

static int
take(const char *text, struct arena *a, struct w_network_spec *out, struct err *e)
{
    if (W_DECODE(network_spec, text, strlen(text), JM_SIGNED, a, out, e) < 0)
        return -1;
    return netpart_check(out, e);
}

/* An order that was signed before there were segments is the same bytes after. */
static void
writes_what_it_read(void)
{
    static const char *const texts[] = {
        NET "}", NET ",\"vni\":77}",
        NET PEERS(IP("10.9.0.2") "," IP("10.9.0.3")) ",\"vni\":16777215}"};

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        SCOPED(arena) struct arena a = {0};
        SCOPED(strbuf) struct strbuf b = {0};
        struct w_network_spec n;
        struct err e = {0};

        CU_ASSERT_EQUAL_FATAL(take(texts[i], &a, &n, &e), 0);
        jm_encode(schema_network_spec, &n, &b);
        CU_ASSERT_STRING_EQUAL(strbuf_peek(&b), texts[i]);
    }
}

static void
refuses_what_makes_no_segment(void)
{
    static const char *const texts[] = {
        "{\"bridge\":\"by4e7000000001\",\"cidr\":\"10.1.2.0/24\",\"id\":"
        "\"4e700000-0000-4000-8000-000000000001\",\"name\":\"lan\"}", /* another's bridge */
        NET ",\"vni\":16777216}",
        NET ",\"vni\":-1}",
        NET PEERS(IP("10.9.0.2")) "}",
        NET PEERS(IP("10.9.0.2") "," IP("10.9.0.2")) ",\"vni\":7}",
        NET PEERS(IP("127.0.0.1")) ",\"vni\":7}",
        NET PEERS(IP("0.0.0.0")) ",\"vni\":7}",
        NET PEERS(IP("224.0.0.1")) ",\"vni\":7}",
        NET PEERS(IP("255.255.255.255")) ",\"vni\":7}",
        NET PEERS(IP("fe80::1")) ",\"vni\":7}",
        NET PEERS("{\"ip\":\"10.9.0.2\",\"port\":1}") ",\"vni\":7}",
        NET PEERS("\"10.9.0.2\"") ",\"vni\":7}",
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        SCOPED(arena) struct arena a = {0};
        struct w_network_spec n;
        struct err e = {0};

        if (take(texts[i], &a, &n, &e) == 0)
            printf("\n%s was taken\n", texts[i]);
        CU_ASSERT_EQUAL(e.code, BY_E_INVALID);
    }
}

static void
takes_256_peers_and_not_one_more(void)
{
    for (unsigned count = 256; count <= 257; count++) {
        SCOPED(arena) struct arena a = {0};
        SCOPED(strbuf) struct strbuf b = {0};
        struct w_network_spec n;
        struct err e = {0};

        strbuf_addf(&b, "%s,\"peers\":[", NET);
        for (unsigned i = 0; i < count; i++)
            strbuf_addf(&b, "%s{\"ip\":\"10.9.%u.%u\"}", i == 0 ? "" : ",", i / 200, i % 200 + 1);
        strbuf_addf(&b, "],\"vni\":7}");
        CU_ASSERT_EQUAL(take(strbuf_peek(&b), &a, &n, &e), count == 256 ? 0 : -1);
    }
}

CU_TestInfo netpart_tests[] = {
    {"writes what it read", writes_what_it_read},
    {"refuses what makes no segment", refuses_what_makes_no_segment},
    {"takes 256 peers and not one more", takes_256_peers_and_not_one_more},
    CU_TEST_INFO_NULL,
};
