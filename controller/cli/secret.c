#include "controller/cli/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define SECRET_MAX 256

bool
cli_can_ask(void)
{
    SCOPED(fd) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);

    return fd >= 0;
}

/* One line without echo; the terminal is as before afterwards. */
static int
secret_ask(const char *option, const char *prompt, char out[SECRET_MAX + 2], struct err *e)
{
    SCOPED(fd) int fd = open("/dev/tty", O_RDWR | O_CLOEXEC);
    struct termios before, quiet;
    size_t n = 0;
    char ch;

    if (fd < 0 || tcgetattr(fd, &before) < 0)
        return err_set(e, BY_E_INVALID, "there is no terminal to ask on: name a file with --%s",
                       option);
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    if (write(STDERR_FILENO, prompt, strlen(prompt)) < 0 || tcsetattr(fd, TCSAFLUSH, &quiet) < 0)
        return err_set(e, BY_E_IO, "cannot ask on the terminal: %s", strerror(errno));
    while (n <= SECRET_MAX && read(fd, &ch, 1) == 1 && ch != '\n')
        out[n++] = ch;
    out[n] = '\0';
    (void)tcsetattr(fd, TCSAFLUSH, &before); /* nothing else can be done about it */
    (void)!write(STDERR_FILENO, "\n", 1);
    return n <= SECRET_MAX ? 0 : err_set(e, BY_E_INVALID, "that is too long");
}

int
cli_secret(struct cli *c, const char *option, const char *what, const char **out, struct err *e)
{
    const char *file = cli_opt(c, option), *text;
    char *line = arena_alloc(&c->a, SECRET_MAX + 2);

    if (file == NULL) {
        if (secret_ask(option, arena_printf(&c->a, "%s: ", cli_sentence(c, what)), line, e) < 0)
            return -1;
    } else {
        if (cli_read_file(c, file, SECRET_MAX, &text, NULL, e) < 0)
            return -1;
        line = arena_strdup(&c->a, text);
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0')
        return err_set(e, BY_E_INVALID, "there is nothing in %s",
                       file != NULL ? file : "what was typed");
    *out = line;
    return 0;
}

int
cli_secret_twice(struct cli *c, const char *option, const char *what, const char **out,
                 struct err *e)
{
    const char *again;

    if (cli_secret(c, option, what, out, e) < 0)
        return -1;
    if (cli_opt(c, option) != NULL)
        return 0;
    if (cli_secret(c, option, arena_printf(&c->a, "%s again", what), &again, e) < 0)
        return -1;
    return strcmp(*out, again) == 0 ? 0 : err_set(e, BY_E_INVALID, "the two are not the same");
}
