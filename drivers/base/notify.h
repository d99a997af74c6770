#ifndef BY_DRIVERS_BASE_NOTIFY_H
#define BY_DRIVERS_BASE_NOTIFY_H
/* systemd's notification protocol (sd_notify(3)): a line to a datagram socket.  libsystemd would do
 * it too, and keep 0.8 MB of it and its own libraries resident in every daemon.  Threads: any. */

/** NAME=VALUE lines to whoever started us; without anybody who listens nothing happens.  Waits two
 * seconds at most for room: a kernel keeps few messages, and this one comes once. */
void notify_send(const char *lines);
/** WATCHDOG=1; not waited for, the next one comes soon. */
void notify_alive(void);
/** Within how many milliseconds WATCHDOG=1 is expected; 0: it is not. */
int notify_watchdog_ms(void);
#endif
