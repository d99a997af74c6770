/* Notices: the outbox, what I am told, webhooks. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "controller/cli/commands.h"
#include "drivers/base/clock.h"

enum { FOLLOW_MS = 75000, POLL_MS = 200 }; /* longer than any attempt takes */

int
cmd_notice_list(struct cli *c, struct err *e)
{
    struct w_delivery_list l;

    if (CLI_LIST(c, cli_opt(c, "dead") != NULL ? "/v1/notices?state=dead" : "/v1/notices",
                 delivery_list, &l, e) < 0)
        return -1;
    return cli_print_list(
        c, schema_delivery_list, &l,
        "made_at_ms channel to state kind title notices attempts next_at_ms error id", e);
}

static int
get_delivery(struct cli *c, const char *id, struct w_delivery *out, struct err *e)
{
    return CLI_GET(c, arena_printf(&c->a, "/v1/notices/%s", cli_escape(c, id)), delivery, out, e);
}

int
cmd_notice_show(struct cli *c, struct err *e)
{
    struct w_delivery d;

    if (get_delivery(c, c->argv[0], &d, e) < 0)
        return -1;
    return cli_print_one(c, schema_delivery, &d, e);
}

/* Until its first attempt has ended: what the other side said. */
static int
follow(struct cli *c, struct w_delivery *d, struct err *e)
{
    int64_t end = clock_mono_ms() + FOLLOW_MS;
    char id[W_ID];

    memcpy(id, d->id, sizeof(id));
    while (d->state == DELIVERY_WAITING && (d->tried_at_ms == 0 || d->sending)) {
        if (clock_mono_ms() > end)
            return err_set(e, BY_E_TIMEOUT,
                           "it was not tried yet; it is without this command: bianyun notices "
                           "show %s",
                           id);
        (void)nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
        if (get_delivery(c, id, d, e) < 0)
            return -1;
    }
    if (cli_print_one(c, schema_delivery, d, e) < 0)
        return -1;
    return d->state == DELIVERY_SENT ? 0
                                     : err_set(e, BY_E_IO, "the test did not arrive: %s", d->error);
}

int
cmd_notice_test(struct cli *c, struct err *e)
{
    struct w_notice_act in = {0};
    struct w_delivery d;

    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/notices:test", notice_act, &in, delivery, &d, e) < 0)
        return -1;
    return follow(c, &d, e);
}

int
cmd_notice_retry(struct cli *c, struct err *e)
{
    struct w_notice_act in = {0};
    struct w_notice_retried out;

    if ((cli_opt(c, "dead") != NULL) == (c->argc > 0))
        return err_set(e, BY_E_INVALID, "the ID of one, or --dead for all that was given up");
    cli_request_id(c, in.request);
    if (c->argc == 0)
        return CLI_POST(c, "/v1/notices:retry", notice_act, &in, notice_retried, &out, e) < 0
                   ? -1
                   : cli_print_one(c, schema_notice_retried, &out, e);
    return cli_call(c, "POST",
                    arena_printf(&c->a, "/v1/notices/%s:retry", cli_escape(c, c->argv[0])),
                    schema_notice_act, &in, NULL, 0, NULL, e);
}

int
cmd_notice_settings(struct cli *c, struct err *e)
{
    const char *mail = cli_opt(c, "mail"), *lang = cli_opt(c, "mail-lang"),
               *kinds = cli_opt(c, "kinds");
    struct w_notice_settings s, out;

    if (CLI_GET(c, "/v1/me/notices", notice_settings, &s, e) < 0)
        return -1;
    if (mail == NULL && lang == NULL && kinds == NULL)
        return cli_print_one(c, schema_notice_settings, &s, e);
    if (mail != NULL && cli_copy(s.mail, sizeof(s.mail), "mail", mail, e) < 0)
        return -1;
    if (lang != NULL && strcmp(lang, "zh") != 0 && strcmp(lang, "en") != 0)
        return err_set(e, BY_E_INVALID, "--mail-lang is zh or en, not '%s'", lang);
    if (lang != NULL)
        s.lang = strcmp(lang, "en") == 0 ? LANG_EN : LANG_ZH;
    if (kinds != NULL)
        s.kinds = strcmp(kinds, "all") == 0 ? "" : kinds;
    cli_request_id(c, s.request);
    if (CLI_POST(c, "/v1/me/notices", notice_settings, &s, notice_settings, &out, e) < 0)
        return -1;
    return cli_print_one(c, schema_notice_settings, &out, e);
}

static int
find_hook(struct cli *c, const char *name, struct w_webhook *out, struct err *e)
{
    struct w_webhook_list l;

    if (CLI_GET(c, "/v1/webhooks", webhook_list, &l, e) < 0)
        return -1;
    for (size_t i = 0; i < l.items.n; i++) {
        *out = *JM_ITEM(l.items, struct w_webhook, i);
        if (strcmp(out->name, name) == 0 || strcmp(out->id, name) == 0)
            return 0;
    }
    return err_set(e, BY_E_NOT_FOUND, "there is no webhook '%s'", name);
}

int
cmd_webhook_list(struct cli *c, struct err *e)
{
    struct w_webhook_list l;

    if (CLI_LIST(c, "/v1/webhooks", webhook_list, &l, e) < 0)
        return -1;
    return cli_print_list(c, schema_webhook_list, &l, "name url kinds added_at_ms id", e);
}

int
cmd_webhook_add(struct cli *c, struct err *e)
{
    struct w_webhook in = {.kinds = cli_opt(c, "kinds")}, out;
    const char *name;

    if (cli_need(c, "name", &name, e) < 0 ||
        cli_copy(in.name, sizeof(in.name), "name", name, e) < 0 ||
        cli_copy(in.url, sizeof(in.url), "URL", c->argv[0], e) < 0)
        return -1;
    cli_request_id(c, in.request);
    if (CLI_POST(c, "/v1/webhooks", webhook, &in, webhook, &out, e) < 0 ||
        cli_print_one(c, schema_webhook, &out, e) < 0)
        return -1;
    cli_undo(c, 0, "bianyun webhooks remove %s", out.name);
    return 0;
}

int
cmd_webhook_remove(struct cli *c, struct err *e)
{
    struct w_webhook w;

    if (find_hook(c, c->argv[0], &w, e) < 0)
        return -1;
    return cli_call(c, "DELETE", arena_printf(&c->a, "/v1/webhooks/%s", w.id), NULL, NULL, NULL, 0,
                    NULL, e);
}

int
cmd_webhook_test(struct cli *c, struct err *e)
{
    struct w_notice_act in = {0};
    struct w_webhook w;
    struct w_delivery d;

    if (find_hook(c, c->argv[0], &w, e) < 0)
        return -1;
    cli_request_id(c, in.request);
    if (CLI_POST(c, arena_printf(&c->a, "/v1/webhooks/%s:test", w.id), notice_act, &in, delivery,
                 &d, e) < 0)
        return -1;
    return follow(c, &d, e);
}
