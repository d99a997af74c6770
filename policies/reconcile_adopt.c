#include "policies/reconcile_adopt.h"

#include <stddef.h>

struct step
reconcile_adopt(const struct rec_want *want, const struct rec_dom *d)
{
    bool up = d->power == MO_PW_RUNNING;

    if (want->erased || want->erase_begun)
        return rest(REC_SEEN_FOREIGN, "a domain with this UUID lacks our mark: left alone");
    if (want->wanted == MO_BINNED || want->wanted == MO_ABSENT)
        return rest(REC_SEEN_FOREIGN, "it was never taken over: left alone");
    if (d->power == MO_PW_UNKNOWN)
        return rest(REC_SEEN_UNKNOWN, "libvirt could not say its state: nothing is concluded");
    if (want->obstacle != NULL)
        return rest(REC_SEEN_FOREIGN, want->obstacle);
    if (d->power == MO_PW_PAUSED)
        return rest(REC_SEEN_FOREIGN, "paused: it is taken over once it runs again");
    if (want->wanted == MO_RUNNING && !up)
        return rest(REC_SEEN_FOREIGN, "it was confirmed as running and is off: nobody starts it "
                                      "before it is taken over; start it by hand");
    if (want->wanted == MO_STOPPED && up)
        return rest(REC_SEEN_FOREIGN, "it was confirmed as off and runs: nobody stops it before it "
                                      "is taken over; stop it by hand");
    return act(REC_VM_ADOPT, REC_SEEN_FOREIGN, "as it was claimed: it is marked as ours");
}
