#ifndef BY_DRIVERS_BASE_SCOPE_H
#define BY_DRIVERS_BASE_SCOPE_H
/* Ownership by scope: SCOPED(fn) runs fn on the pointer when the block ends, TAKE moves it out.
 * Every SCOPED variable is initialised where it is declared.  Threads: any. */
#include <stdlib.h>
#include <unistd.h>

#define SCOPED(fn) __attribute__((cleanup(fn##_scope)))
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __typeof__(p) taken_ = (p);                                                                \
        (p) = NULL;                                                                                \
        taken_;                                                                                    \
    })
/* Makes name_scope() out of name(T *), which must accept NULL. */
#define SCOPE_FN(name, T)                                                                          \
    static inline void name##_scope(T **p)                                                         \
    {                                                                                              \
        name(*p);                                                                                  \
        *p = NULL;                                                                                 \
    }
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline void
free_scope(void *p)
{
    free(*(void **)p);
}

/* For SCOPED(fd) int fd = -1; */
static inline void
fd_scope(const int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* read-only or already synced where it matters */
}
#endif
