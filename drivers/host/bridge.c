#include "drivers/host/bridge.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/sockios.h>

#include "drivers/base/scope.h"

enum { HEX_DIGITS = 12 };

static bool
is_our_name(const char *name)
{
    return strncmp(name, "by", 2) == 0 && strlen(name) == 2 + HEX_DIGITS &&
           strspn(name + 2, "0123456789abcdef") == HEX_DIGITS;
}

/* A bridge, and nothing is plugged into it; whatever cannot be told is not unused. */
static bool
is_unused_bridge(const char *name)
{
    char path[PATH_MAX];
    const struct dirent *d;
    bool unused = true;
    DIR *dir;

    (void)snprintf(path, sizeof(path), "/sys/class/net/%s/brif", name);
    dir = opendir(path);
    if (dir == NULL)
        return false;
    errno = 0;
    while ((d = readdir(dir)) != NULL)
        if (d->d_name[0] != '.')
            unused = false;
    unused = unused && errno == 0;
    (void)closedir(dir);
    return unused;
}

int
bridge_drop_stale(const char *name, struct err *e)
{
    SCOPED(fd) int fd = -1;
    struct ifreq r = {0};

    if (!is_our_name(name) || !is_unused_bridge(name))
        return 0;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_set(e, BY_E_IO, "bridge %s: %s", name, strerror(errno));
    (void)snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
    if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
        return err_set(e, BY_E_IO, "bridge %s: %s", name, strerror(errno));
    r.ifr_flags = (short)(r.ifr_flags & ~IFF_UP);
    if (ioctl(fd, SIOCSIFFLAGS, &r) < 0 || ioctl(fd, SIOCBRDELBR, name) < 0)
        return err_set(e, BY_E_IO, "the stale bridge %s cannot be removed: %s", name,
                       strerror(errno));
    return 1;
}
