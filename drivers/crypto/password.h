#ifndef BY_DRIVERS_CRYPTO_PASSWORD_H
#define BY_DRIVERS_CRYPTO_PASSWORD_H
/* Passwords and id numbers as yescrypt (libcrypt): slow and large on purpose, so never on a loop
 * thread or in the writer.  Threads: any. */
#include <stdbool.h>

#include "drivers/base/error.h"

#define PASSWORD_HASH 128 /* bytes that hold a hash with its parameters */

/** With a salt of its own. */
int password_hash(const char *password, char out[PASSWORD_HASH], struct err *e);
/** The same text gives the same hash in one place (an id number that must be unique): salted by
 * that place's name. */
int password_hash_in(const char *text, const char *place, char out[PASSWORD_HASH], struct err *e);
/** hash "": hashes as slowly, and is false. */
bool password_matches(const char *password, const char *hash);
#endif
