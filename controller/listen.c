#include "controller/listen.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "controller/server.h"
#include "drivers/base/log.h"
#include "drivers/base/strbuf.h"
#include "drivers/crypto/x509.h"
#include "drivers/host/durable.h"
#include "drivers/net/httpd.h"

#define SERVER_CERT_DAYS 825 /* made anew at each start */
#define DAY_S INT64_C(86400)
#define AGENT_IDLE_MS 30000 /* a host's second connection, which httpc no longer uses by then */

static bool
listen_is_ip(const char *s)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, s, bytes) == 1 || inet_pton(AF_INET6, s, bytes) == 1;
}

static void
listen_san_add(struct strbuf *b, const char *name)
{
    /* The addresses that mean "any" are no name of a machine. */
    if (name[0] == '\0' || strcmp(name, "0.0.0.0") == 0 || strcmp(name, "::") == 0)
        return;
    strbuf_addf(b, "%s%s:%s", b->len == 0 ? "" : ",", listen_is_ip(name) ? "IP" : "DNS", name);
}

/* localhost, this machine's name, the addresses, and what the configuration adds. */
static void
listen_san(const struct controller_config *conf, struct strbuf *b)
{
    char host[256] = "", names[sizeof(conf->names)];
    char *rest = names, *one;

    listen_san_add(b, "localhost");
    listen_san_add(b, "127.0.0.1");
    listen_san_add(b, "::1");
    if (gethostname(host, sizeof(host) - 1) == 0)
        listen_san_add(b, host);
    listen_san_add(b, conf->people_address);
    if (strcmp(conf->people_address, conf->agents_address) != 0)
        listen_san_add(b, conf->agents_address);
    memcpy(names, conf->names, sizeof(names));
    while ((one = strsep(&rest, ", ")) != NULL)
        listen_san_add(b, one);
}

static int
listen_certificate(struct controller *c, struct arena *a, const char **key, const char **chain,
                   struct err *e)
{
    SCOPED(strbuf) struct strbuf san = {0};
    const char *csr = NULL, *cert = NULL;
    int64_t now_s = c->wall_ms() / 1000;

    listen_san(&c->conf, &san);
    if (x509_csr_new("bianyun-controller", a, key, &csr, e) < 0 ||
        x509_issue(c->ca_key, c->ca_pem, csr, "bianyun-controller", strbuf_peek(&san), true,
                   now_s - DAY_S, now_s + SERVER_CERT_DAYS * DAY_S, a, &cert, e) < 0)
        return err_wrap(e, "server certificate");
    *chain = arena_printf(a, "%s%s", cert, c->ca_pem);
    return 0;
}

static int
listen_write_ports(struct controller *c, struct err *e)
{
    char path[320], text[256];
    int n;

    (void)snprintf(path, sizeof(path), "%s/run", c->dir);
    if (durable_mkdirs(path, 0755, e) < 0)
        return -1;
    (void)snprintf(path, sizeof(path), "%s/run/ports.json", c->dir);
    n = snprintf(text, sizeof(text),
                 "{\"agents\":%d,\"agents_address\":\"%s\",\"people\":%d,\"people_address\":\"%s\","
                 "\"pid\":%d}\n",
                 server_agents_port(c), c->conf.agents_address, server_people_port(c),
                 c->conf.people_address, (int)getpid());
    return durable_write(path, text, (size_t)n, 0644, e);
}

int
listen_start(struct controller *c, const struct listen_to *to, struct err *e)
{
    SCOPED(arena) struct arena a = {0};
    const char *key = NULL, *chain = NULL;
    struct httpd_listener people = {.address = c->conf.people_address,
                                    .port = (int)c->conf.people_port,
                                    .on_request = to->people,
                                    .arg = to->arg,
                                    .limits = {.max_body_bytes = SERVER_PEOPLE_BODY}};
    struct httpd_listener agents = {.address = c->conf.agents_address,
                                    .port = (int)c->conf.agents_port,
                                    .on_request = to->agents,
                                    .arg = to->arg,
                                    .client_ca_pem = c->ca_pem,
                                    .limits = {.max_body_bytes = SERVER_AGENT_BODY,
                                               .max_connections = (int)c->conf.max_agents,
                                               .idle_timeout_ms = AGENT_IDLE_MS}};

    if (listen_certificate(c, &a, &key, &chain, e) < 0 ||
        httpd_new((int)c->conf.loops, &c->httpd, e) < 0)
        return -1;
    people.cert_pem = agents.cert_pem = chain;
    people.key_pem = agents.key_pem = key;
    if (httpd_listen(c->httpd, &people, &c->people, e) < 0 ||
        httpd_listen(c->httpd, &agents, &c->agents, e) < 0 || httpd_start(c->httpd, e) < 0)
        return err_wrap(e, "listeners");
    log_info("listening", "people=%s:%d agents=%s:%d", c->conf.people_address,
             server_people_port(c), c->conf.agents_address, server_agents_port(c));
    return listen_write_ports(c, e);
}
