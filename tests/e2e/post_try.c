/* post-try mail|hook KEY=VALUE… - send one letter by drivers/net/post.h and say in a line how it
 * went: ok or the word of the error, milliseconds, largest resident size in KiB, answer or reason.
 * Keys: server from login plain ca timeout to id at, and files: subject body secret. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "drivers/base/clock.h"
#include "drivers/net/post.h"

struct outcome {
    bool ended;
    char answer[POST_ANSWER];
    struct err failed;
};

static const char *
value(char **argv, const char *key)
{
    size_t n = strlen(key);

    for (; *argv != NULL; argv++)
        if (strncmp(*argv, key, n) == 0 && (*argv)[n] == '=')
            return *argv + n + 1;
    return "";
}

static char *
file_text(char **argv, const char *key)
{
    FILE *f = fopen(value(argv, key), "r");
    char *text = calloc(1, 1 << 20);

    if (f != NULL && text != NULL) {
        size_t n = fread(text, 1, (1 << 20) - 1, f);

        text[n] = '\0';
    }
    if (f != NULL)
        (void)fclose(f);
    return text;
}

static void
note(void *arg, const char *answer, const struct err *failed)
{
    struct outcome *o = arg;

    o->ended = true;
    (void)snprintf(o->answer, sizeof(o->answer), "%s", answer);
    if (failed != NULL)
        o->failed = *failed;
}

static void
try_it(bool mail, char **argv, struct outcome *o)
{
    const struct post_config c = {.server = value(argv, "server"),
                                  .from = value(argv, "from"),
                                  .login_file = value(argv, "login"),
                                  .plain = strcmp(value(argv, "plain"), "yes") == 0,
                                  .ca_file = value(argv, "ca"),
                                  .timeout_ms = (int)strtol(value(argv, "timeout"), NULL, 10)};
    char *subject = file_text(argv, "subject"), *body = file_text(argv, "body");
    char *secret = file_text(argv, "secret");
    const struct post_letter l = {.id = value(argv, "id"),
                                  .to = value(argv, "to"),
                                  .subject = subject,
                                  .body = body,
                                  .secret = secret,
                                  .secret_len = secret == NULL ? 0 : strlen(secret),
                                  .at_ms = strtoll(value(argv, "at"), NULL, 10)};
    struct post p = {0};

    if ((mail ? post_mail_new(&c, &p, &o->failed) : post_hook_new(&c, &p, &o->failed)) == 0 &&
        p.ops->start(p.self, &l, note, o, &o->failed) == 0)
        while (!o->ended)
            p.ops->run(p.self, 100);
    post_clear(&p);
    free(subject);
    free(body);
    free(secret);
}

int
main(int argc, char **argv)
{
    struct outcome o = {0};
    int64_t start = clock_mono_ms();
    struct rusage u;

    if (argc < 2)
        return 2;
    try_it(strcmp(argv[1], "mail") == 0, argv + 2, &o);
    (void)getrusage(RUSAGE_SELF, &u);
    (void)printf("%s %lld %ld %s\n", o.failed.code == BY_E_OK ? "ok" : err_code_name(o.failed.code),
                 (long long)(clock_mono_ms() - start), u.ru_maxrss,
                 o.failed.code == BY_E_OK ? o.answer : o.failed.msg);
    return 0;
}
