#include "tests/unit/casework.h"

#include <CUnit/CUnit.h>
#include <stdio.h>
#include <string.h>

#include "drivers/base/strbuf.h"
#include "drivers/crypto/base64.h"
#include "drivers/crypto/digest.h"
#include "drivers/crypto/paper.h"
#include "policies/case_fsm.h"

#define OK(call) CU_ASSERT_EQUAL_FATAL(call, 0)

int
casework_announce(struct flow *f, enum flow_who who, const char *name, const char *sha256,
                  size_t size, struct w_attachment *out)
{
    return FLOW_CALL(
        f, f->people[who], "POST", "/v1/attachments",
        flow_text(f, "{\"name\":\"%s\",\"sha256\":\"%s\",\"size_bytes\":%zu}", name, sha256, size),
        attachment, out);
}

int
casework_send_part(struct flow *f, enum flow_who who, const char *id, unsigned part,
                   const char *bytes, size_t len, struct w_attachment *out)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_attachment_part p = {.part = part, .data = base64_encode(bytes, len, &f->a)};

    jm_encode(schema_attachment_part, &p, &b);
    return FLOW_CALL(f, f->people[who], "POST", flow_text(f, "/v1/attachments/%s:part", id),
                     strbuf_peek(&b), attachment, out);
}

/* A small text as a document; *v is what it became. */
void
casework_upload(struct flow *f, enum flow_who who, const char *text, struct w_attachment *v)
{
    char hex[65];

    digest_sha256_hex(text, strlen(text), hex);
    OK(casework_announce(f, who, "paper.txt", hex, strlen(text), v));
    OK(casework_send_part(f, who, v->id, 0, text, strlen(text), v));
    CU_ASSERT_TRUE(v->whole);
}

const char *
casework_application_body(struct flow *f, const struct w_application *app, uint64_t rev)
{
    SCOPED(strbuf) struct strbuf b = {0};
    struct w_case_request in = {.application = *app, .rev = rev};

    if (rev == 0)
        in.kind = app->change_of[0] == '\0' ? CASE_NEW : CASE_CHANGE;
    memcpy(in.request, flow_uuid(f), 37);
    jm_encode(schema_case_request, &in, &b);
    return arena_strdup(&f->a, strbuf_peek(&b));
}

/* As flow_grant() asks for it, with documents and a manual line. */
struct w_application
casework_complete(struct flow *f, struct w_attachment papers[3])
{
    const struct w_grant *g = flow_grant(f, "x");
    struct w_case_paper *p = arena_alloc(&f->a, 3 * sizeof(*p));
    struct w_manual_line *m = arena_alloc(&f->a, sizeof(*m));
    struct w_application app = {.purpose = "a registry",
                                .basis = "as the pilot",
                                .users = 400,
                                .share_reason = "nothing to share",
                                .lines = g->lines};

    for (int i = 0; i < 3; i++) {
        p[i].what = DOC_APPROVAL + i;
        casework_upload(f, FLOW_TENANT, flow_text(f, "document %d", i), &papers[i]);
        memcpy(p[i].attachment, papers[i].id, W_ID);
    }
    *m = (struct w_manual_line){.line = 1, .item = "cloud database", .count = 2, .measure = "set"};
    memcpy(app.system, f->system, W_ID);
    app.papers = (struct jm_list){p, 3};
    app.manual = (struct jm_list){m, 1};
    return app;
}

int
casework_move(struct flow *f, enum flow_who who, struct w_case_view *v, const char *event,
              const char *reason)
{
    return FLOW_CALL(f, f->people[who], "POST", flow_text(f, "/v1/cases/%s:move", v->id),
                     flow_text(f, "{\"request\":\"%s\",\"rev\":%llu,\"event\":\"%s\"%s%s%s}",
                               flow_uuid(f), (unsigned long long)v->rev, event,
                               reason == NULL ? "" : ",\"reason\":\"", reason == NULL ? "" : reason,
                               reason == NULL ? "" : "\""),
                     case_view, v);
}

void
casework_open_case(struct flow *f, const struct w_application *app, struct w_case_view *v)
{
    OK(FLOW_CALL(f, f->people[FLOW_TENANT], "POST", "/v1/cases",
                 casework_application_body(f, app, 0), case_view, v));
}

int
casework_approve(struct flow *f, const struct w_case_view *v, struct w_grant *g,
                 const struct w_attachment papers[3], struct w_accepted *out)
{
    SCOPED(strbuf) struct strbuf b = {0}, in = {0};
    struct w_case_approve x = {.rev = v->rev, .reason = "as asked"};

    memcpy(g->approval_sha256, papers[0].sha256, W_HASH);
    memcpy(g->agreement_sha256, papers[1].sha256, W_HASH);
    memcpy(g->declaration_sha256, papers[2].sha256, W_HASH);
    jm_encode(schema_grant, g, &b);
    OK(paper_sign(f->grant_key, PAPER_GRANT, strbuf_peek(&b), &f->a, &x.grant, &f->err));
    memcpy(x.request, flow_uuid(f), 37);
    jm_encode(schema_case_approve, &x, &in);
    return FLOW_CALL(f, f->people[FLOW_BUREAU], "POST", flow_text(f, "/v1/cases/%s:approve", v->id),
                     strbuf_peek(&in), accepted, out);
}
