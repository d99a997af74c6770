#include "controller/api_quota.h"

#include "controller/own.h"
#include "controller/quota.h"

int
api_quota_list(struct api_call *k, struct tx *t, struct err *e)
{
    return quota_view(t->d, own_filter(k), t->now_ms, k->a, k->out, e);
}
