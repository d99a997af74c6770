#ifndef BY_POLICIES_PERSON_H
#define BY_POLICIES_PERSON_H
/* What a password and an id number must look like.  Pure. */
#include <stdbool.h>

struct password_rules {
    unsigned min_length, min_classes; /* characters; of lower, upper, digit, other */
};
enum password_verdict {
    PASSWORD_OK,
    PASSWORD_SHORT,
    PASSWORD_PLAIN, /* too few kinds of characters */
    PASSWORD_DULL,  /* fewer than five different characters, or a row such as 12345678 */
    PASSWORD_LOGIN  /* contains the login name */
};
/** Chinese and the like count as others. */
enum password_verdict password_judge(const char *password, const char *login,
                                     const struct password_rules *rules);
/** An id number (公民身份号码, GB 11643): 17 digits with a possible date, and the right check digit
 * (ISO 7064, MOD 11-2). */
bool person_id_is_possible(const char *number);
#endif
