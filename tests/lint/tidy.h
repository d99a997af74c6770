#ifndef BY_TESTS_LINT_TIDY_H
#define BY_TESTS_LINT_TIDY_H
/* Put before every file by `make lint-tidy`, never by a compiler: tells the analyzer, which looks
 * at one file at a time, that functions which report an error return -1. */
#include "drivers/base/error.h"

#define err_set(...) ((err_set)(__VA_ARGS__), -1)
#define err_field(...) ((err_field)(__VA_ARGS__), -1)
#define err_wrap(...) ((err_wrap)(__VA_ARGS__), -1)
#endif
