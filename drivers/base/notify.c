#include "drivers/base/notify.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_MS = 2000 };

/* A supervisor that does not listen must not hold us up: at most so long. */
static void
send_lines(const char *lines, int wait_ms)
{
    struct timeval most = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000L};
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = getenv("NOTIFY_SOCKET");
    size_t len = path == NULL ? 0 : strlen(path);
    int fd;

    if (len < 2 || len >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(to.sun_path, path, len);
    if (path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract name: no end is written, its length counts */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
    (void)sendto(fd, lines, strlen(lines), MSG_NOSIGNAL | (wait_ms > 0 ? 0 : MSG_DONTWAIT),
                 (const struct sockaddr *)&to,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
    (void)close(fd); /* a datagram is sent or it is not */
}

void
notify_send(const char *lines)
{
    send_lines(lines, WAIT_MS);
}

void
notify_alive(void)
{
    send_lines("WATCHDOG=1", 0);
}

int
notify_watchdog_ms(void)
{
    const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    long long n = usec == NULL ? 0 : strtoll(usec, NULL, 10);

    if (pid != NULL && strtoll(pid, NULL, 10) != getpid())
        return 0; /* meant for another process */
    n = n > 0 ? n / 1000 : 0;
    return n > INT_MAX ? INT_MAX : (int)n;
}
