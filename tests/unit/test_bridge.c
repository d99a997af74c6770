#include <CUnit/CUnit.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "drivers/host/bridge.h"

#define OURS "by0123456789ab"

static void
leaves_what_is_not_ours(void)
{
    static const char *const names[] = {
        "lo", "virbr0",         "by", "by0123456789a", "by0123456789abc", "by0123456789aB",
        OURS, "by../../../../x"};
    struct err e = {0};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        CU_ASSERT_EQUAL(bridge_drop_stale(names[i], &e), 0);
}

static bool
is_there(const char *name)
{
    char path[80];

    (void)snprintf(path, sizeof(path), "/sys/class/net/%s", name);
    return access(path, F_OK) == 0;
}

/* In namespaces of its own: 0 as promised, 77 where such cannot be made, else the step that failed.
 */
static int
play(void)
{
    struct ifreq r = {0};
    struct err e = {0};
    int fd;

    if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
        return 77;
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || ioctl(fd, SIOCBRADDBR, OURS) < 0 || ioctl(fd, SIOCBRADDBR, "bydeadbeef00ff") < 0)
        return 77;
    (void)snprintf(r.ifr_name, sizeof(r.ifr_name), OURS);
    r.ifr_flags = IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &r) < 0)
        return 1;
    if (bridge_drop_stale(OURS, &e) != 1 || is_there(OURS))
        return 2;
    if (!is_there("bydeadbeef00ff"))
        return 3;
    return bridge_drop_stale(OURS, &e) == 0 ? 0 : 4;
}

static void
removes_a_bridge_that_nothing_is_plugged_into(void)
{
    int status = 0;
    pid_t pid = fork();

    CU_ASSERT_FATAL(pid >= 0);
    if (pid == 0)
        _exit(play());
    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    CU_ASSERT(WIFEXITED(status));
    if (WEXITSTATUS(status) != 77) /* no namespaces here, or no bridges */
        CU_ASSERT_EQUAL(WEXITSTATUS(status), 0);
}

CU_TestInfo bridge_tests[] = {
    {"leaves what is not ours", leaves_what_is_not_ours},
    {"removes a bridge that nothing is plugged into",
     removes_a_bridge_that_nothing_is_plugged_into},
    CU_TEST_INFO_NULL,
};
