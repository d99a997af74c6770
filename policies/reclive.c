#include "policies/reclive.h"

bool
reclive_can(const struct rec_dom *d, const struct rec_want *want)
{
    uint64_t more = want->mem_mib - d->live_mem_mib;

    if (want->live_failed || want->vcpus < d->live_vcpus || want->mem_mib < d->live_mem_mib)
        return false;
    if (want->vcpus > d->live_vcpus && want->vcpus > d->live_vcpus_max)
        return false;
    if (more > 0 && (want->mem_mib > d->live_mem_max_mib || more % REC_DIMM_MIB != 0))
        return false;
    return d->live_parts_equal || d->live_parts_lack;
}
