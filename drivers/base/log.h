#ifndef BY_DRIVERS_BASE_LOG_H
#define BY_DRIVERS_BASE_LOG_H
/* One line = level, event, key=value pairs.  Only top levels (loops, router) log failures; helpers
 * return a struct err.  Control characters are escaped.  Secrets never come here.
 * error: someone must act; warn: degraded, going on; info: a state changed; debug: the rest.
 * Threads: any. */

enum log_level { LOG_LV_ERROR, LOG_LV_WARN, LOG_LV_INFO, LOG_LV_DEBUG };

void log_level_set(enum log_level level); /* before threads start */
/** fmt gives key=value pairs, e.g. "host=%s ms=%lld"; a value that comes from outside is quoted by
 * LOG_Q: "reason=" LOG_Q. */
#define LOG_Q "\"%s\""
void log_at(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_error(event, ...) log_at(LOG_LV_ERROR, event, __VA_ARGS__)
#define log_warn(event, ...) log_at(LOG_LV_WARN, event, __VA_ARGS__)
#define log_info(event, ...) log_at(LOG_LV_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_at(LOG_LV_DEBUG, event, __VA_ARGS__)
#endif
