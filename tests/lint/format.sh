#!/bin/sh
# Every C file is as .clang-format says.
set -eu
find policies drivers agent controller tests -name '*.[ch]' -print0 |
    xargs -0 clang-format --dry-run -Werror
