/* The controller as a process: what it says to systemd, and how it ends. */
#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "drivers/base/clock.h"
#include "drivers/base/notify.h"
#include "drivers/base/scope.h"
#include "drivers/host/durable.h"
#include "tests/unit/tmpdir.h"

#define WAIT_MS 60000 /* longer than anything here takes on a busy machine */

/* Beside the test program, in the same build folder. */
static void
program(char out[PATH_MAX])
{
    char self[PATH_MAX - 32];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    CU_ASSERT_FATAL(n > 0);
    self[n] = '\0';
    (void)snprintf(out, PATH_MAX, "%s/bianyun-controller", dirname(self));
}

static pid_t
start(const char *const argv[], const char *const env[], const char *out)
{
    posix_spawn_file_actions_t files;
    char path[PATH_MAX];
    pid_t pid = -1;

    program(path);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawn_file_actions_addopen(&files, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    (void)posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
    CU_ASSERT_EQUAL_FATAL(posix_spawn(&pid, path, &files, NULL, (char *const *)(uintptr_t)argv,
                                      (char *const *)(uintptr_t)env),
                          0);
    (void)posix_spawn_file_actions_destroy(&files);
    return pid;
}

static int
end_of(pid_t pid)
{
    int status = 0;

    CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int
notify_open(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    CU_ASSERT_FATAL(fd >= 0 && strlen(path) < sizeof(a.sun_path));
    (void)strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

/* Whether a message with this line comes in time; others are passed over. */
static bool
notified(int fd, const char *line)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    char text[512];

    while (clock_mono_ms() < until) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n;

        if (poll(&p, 1, (int)(until - clock_mono_ms())) <= 0)
            return false;
        n = recv(fd, text, sizeof(text) - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        if (strstr(text, line) != NULL)
            return true;
    }
    return false;
}

static void *
say_stopping(void *arg)
{
    (void)arg;
    notify_send("STOPPING=1");
    return NULL;
}

/* The kernel keeps some ten messages of a socket that nobody reads. */
static void
what_is_said_once_waits_for_room(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(fd) int fd = -1;
    char sock[220];
    struct timespec soon;
    pthread_t thread;
    bool ended;

    (void)snprintf(sock, sizeof(sock), "%s/notify", dir);
    fd = notify_open(sock);
    CU_ASSERT_EQUAL(setenv("NOTIFY_SOCKET", sock, 1), 0);
    for (int i = 0; i < 2000; i++) /* far more than it keeps: none of them waits */
        notify_alive();
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, say_stopping, NULL), 0);
    (void)clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_sec++;
    ended =
        pthread_timedjoin_np(thread, NULL, &soon) == 0; /* it gave up, and what it said is lost */
    CU_ASSERT_TRUE(notified(fd, "STOPPING=1"));
    if (!ended)
        CU_ASSERT_EQUAL(pthread_join(thread, NULL), 0);
    CU_ASSERT_EQUAL(unsetenv("NOTIFY_SOCKET"), 0);
}

static void
tells_systemd_ready_alive_and_stopping(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    SCOPED(strbuf) struct strbuf token = {0};
    SCOPED(fd) int fd = -1;
    char store[200], out[220], sock[220], conf[220], notify[240];
    static const char text[] = "[people]\nport = 0\n[agents]\nport = 0\n";
    const char *const init[] = {"bianyun-controller", "init", "--dir", store, NULL};
    const char *const run[] = {"bianyun-controller", "run", "--dir", store, NULL};
    const char *const env[] = {notify, "WATCHDOG_USEC=100000", NULL};
    struct err e = {0};
    pid_t pid;

    (void)snprintf(store, sizeof(store), "%s/c", dir);
    (void)snprintf(out, sizeof(out), "%s/out", dir);
    (void)snprintf(sock, sizeof(sock), "%s/notify", dir);
    (void)snprintf(conf, sizeof(conf), "%s/controller.conf", store);
    (void)snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", sock);
    CU_ASSERT_EQUAL(end_of(start(init, env, out)), 0);
    CU_ASSERT_EQUAL(durable_read(out, 4096, &token, &e), 0);
    CU_ASSERT_EQUAL(token.len, 48); /* prefix, 43 characters, newline: nothing else */
    CU_ASSERT_EQUAL(end_of(start(init, env, out)), 5);
    CU_ASSERT_EQUAL(durable_write(conf, text, strlen(text), 0600, &e), 0);
    fd = notify_open(sock);
    pid = start(run, env, out);
    CU_ASSERT_TRUE(notified(fd, "READY=1"));
    CU_ASSERT_TRUE(notified(fd, "WATCHDOG=1"));
    CU_ASSERT_TRUE(notified(fd, "WATCHDOG=1"));
    CU_ASSERT_EQUAL(end_of(start(run, env, out)), 5); /* one controller a store */
    CU_ASSERT_EQUAL(kill(pid, SIGTERM), 0);
    CU_ASSERT_TRUE(notified(fd, "STOPPING=1"));
    CU_ASSERT_EQUAL(end_of(pid), 0);
}

static void
says_what_is_wrong_and_how_it_ended(void)
{
    SCOPED(tmpdir) char *dir = tmpdir_new();
    char out[220], nowhere[220];
    const char *const env[] = {NULL};
    const char *const rows[][6] = {
        {"bianyun-controller", NULL},
        {"bianyun-controller", "fly", NULL},
        {"bianyun-controller", "init", NULL},
        {"bianyun-controller", "init", "--dir", dir, "--alg=rsa", NULL},
        {"bianyun-controller", "run", "--colour", NULL},
        {"bianyun-controller", "run", "--dir", dir, "more", NULL},
    };
    const char *const run[] = {"bianyun-controller", "run", "--dir", nowhere, NULL};

    (void)snprintf(out, sizeof(out), "%s/out", dir);
    (void)snprintf(nowhere, sizeof(nowhere), "%s/nowhere", dir);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        CU_ASSERT_EQUAL(end_of(start(rows[i], env, out)), 2);
    CU_ASSERT_EQUAL(end_of(start(run, env, out)), 4);
}

CU_TestInfo daemon_tests[] = {
    {"what is said once waits for room", what_is_said_once_waits_for_room},
    {"tells systemd ready, alive and stopping", tells_systemd_ready_alive_and_stopping},
    {"says what is wrong and how it ended", says_what_is_wrong_and_how_it_ended},
    CU_TEST_INFO_NULL,
};
