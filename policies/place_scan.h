#ifndef BY_POLICIES_PLACE_SCAN_H
#define BY_POLICIES_PLACE_SCAN_H
/* The scan under place(): every host judged, counted and weighed in one pass over the columns, in
 * blocks that stay in the nearest cache.  Pure. */
#include "policies/place.h"

/** As place(): the best host by rule 2 or PLACE_NOWHERE, why[i] of each host, *sums but for what
 * rests on the choice. */
size_t place_scan(const struct place_hosts *hosts, const struct place_ask *ask, uint8_t *why,
                  struct place_sums *sums);
/** It could take the largest machine, and with what is asked for no more. */
bool place_breaks_room(const struct place_hosts *hosts, const struct place_ask *ask, size_t host);
#endif
