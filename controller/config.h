#ifndef BY_CONTROLLER_CONFIG_H
#define BY_CONTROLLER_CONFIG_H
/* The controller's configuration file: one row a key, the sample file is generated from them.
 * Threads: read before they start. */
#include <stdbool.h>
#include <stdint.h>

#include "drivers/base/conf.h"
#include "drivers/base/error.h"

struct controller_config {
    char dir[200];
    char people_address[64], agents_address[64];
    int64_t people_port, agents_port; /* 0: any free one */
    char names[160];                  /* more names and addresses for the server certificate */
    int64_t loops, readers, workers;  /* threads */
    int64_t hashers;                  /* threads for passwords */
    int64_t max_agents;               /* connections of agents */
    int64_t session_hours;
    int64_t document_days; /* that an uploaded document is kept without a case that names it */
    int64_t silent_seconds;
    int64_t utc_offset; /* of the city, minutes east: a day of a legal clock ends at its 24:00 */
    char grant_key[160];
    bool unregistered_images; /* grants may name images that hosts were given by hand */
    int64_t image_max_gib, image_spare_mib;
    char mail_server[128], mail_from[128], mail_login[160], notice_ca[160], notice_link[128];
    bool mail_plain;
    char log[8];
};

extern const struct conf_row config_rows[];

/** Every key at its default. */
int config_default(struct controller_config *out, struct err *e);
int config_load(const char *file, struct controller_config *out, struct err *e);
#endif
