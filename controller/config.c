#include "controller/config.h"

#define AT(m) CONF_AT(struct controller_config, m)
const struct conf_row config_rows[] = {
    {"store", "dir", CONF_PATH, AT(dir), "/var/lib/bianyun/controller", 0, 0,
     "where init made the store and its keys"},
    {"city", "utc_offset", CONF_INT, AT(utc_offset), "480", -720, 840,
     "minutes east of UTC: a legal clock's last day ends at 24:00 there; China 480"},
    {"people", "address", CONF_STR, AT(people_address), "127.0.0.1", 1, 0,
     "address for people, the CLI, the portal and enrolment"},
    {"people", "port", CONF_INT, AT(people_port), "8442", 0, 65535,
     "0: any free one, see run/ports.json"},
    {"agents", "address", CONF_STR, AT(agents_address), "127.0.0.1", 1, 0,
     "address for agents, which must show a certificate of ours"},
    {"agents", "port", CONF_INT, AT(agents_port), "8443", 0, 65535, "0: any free one"},
    {"agents", "max", CONF_INT, AT(max_agents), "12000", 1, 60000, "connections at once"},
    {"documents", "keep_days", CONF_INT, AT(document_days), "30", 1, 3650,
     "an uploaded document that no case names is removed after so many days"},
    {"images", "max_gib", CONF_INT, AT(image_max_gib), "64", 1, 16384,
     "largest base image that may be sent, GiB"},
    {"images", "spare_mib", CONF_INT, AT(image_spare_mib), "1024", 0, 1073741824,
     "room that base images leave free on the disk of the store, MiB"},
    {"images", "unregistered", CONF_BOOL, AT(unregistered_images), "no", 0, 0,
     "grants may name images that are not registered here and were copied to the hosts by hand"},
    {"notices", "mail_server", CONF_STR, AT(mail_server), "", 0, 0,
     "smtp://HOST:587 (STARTTLS is required) or smtps://HOST:465; empty: no mail leaves"},
    {"notices", "mail_from", CONF_STR, AT(mail_from), "", 0, 0, "address that mails come from"},
    {"notices", "mail_login", CONF_PATH, AT(mail_login), "", 0, 0,
     "file, mode 0600, with the mail server's login in its first line and the password in its "
     "second; empty: none"},
    {"notices", "mail_plain", CONF_BOOL, AT(mail_plain), "no", 0, 0,
     "mail without TLS: only to a server on this machine (127.0.0.1, localhost)"},
    {"notices", "ca", CONF_PATH, AT(notice_ca), "", 0, 0,
     "CA file of mail server and webhooks; empty: those of the system"},
    {"notices", "link", CONF_STR, AT(notice_link), "", 0, 0,
     "address that notices point to; empty: none"},
    {"server", "names", CONF_STR, AT(names), "", 0, 0,
     "more names and addresses that the server's certificate is good for, by comma"},
    {"server", "loops", CONF_INT, AT(loops), "2", 1, 32, "event loop threads"},
    {"server", "readers", CONF_INT, AT(readers), "2", 1, 32, "threads that read the store"},
    {"server", "workers", CONF_INT, AT(workers), "2", 1, 32, "threads that decode, hash and sign"},
    {"server", "hashers", CONF_INT, AT(hashers), "1", 1, 32,
     "threads that hash passwords, which is slow on purpose"},
    {"server", "session_hours", CONF_INT, AT(session_hours), "12", 1, 720, "life of a session"},
    {"server", "silent_seconds", CONF_INT, AT(silent_seconds), "150", 1, 86400,
     "a host that said nothing for so long is shown as silent"},
    {"server", "grant_key", CONF_PATH, AT(grant_key), "", 0, 0,
     "private grant key (0600), only for a policy that grants imported approvals at once: weaker, "
     "no person then confirms them"},
    {"server", "log", CONF_STR, AT(log), "info", 4, 5, "error, warn, info or debug"},
    {0},
};

int
config_default(struct controller_config *out, struct err *e)
{
    return conf_parse("defaults", "", 0, config_rows, sizeof(*out), out, e);
}

int
config_load(const char *file, struct controller_config *out, struct err *e)
{
    return conf_load(file, config_rows, sizeof(*out), out, e);
}
