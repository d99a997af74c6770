#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/scope.h"
#include "drivers/codec/wire.h"

static void
every_wire_object_has_a_sound_schema(void)
{
    size_t n = 0;

    for (const struct w_object *o = w_objects; o->name != NULL; o++, n++) {
        struct err e = {0};

        if (jm_schema_check(o->schema, &e) < 0) {
            printf("\n%s: %s\n", o->name, e.msg);
            CU_FAIL("schema");
        }
    }
    CU_ASSERT(n > 50);
}

CU_TestInfo jmap_tests[] = {
    {"every wire object has a sound schema", every_wire_object_has_a_sound_schema},
    CU_TEST_INFO_NULL,
};
