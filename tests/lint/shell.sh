#!/bin/sh
# Shell scripts parse, and shellcheck finds no error in them where it is installed.
set -u
bad=0
for f in $(grep -rlE '^#!/bin/(ba)?sh|^#!/usr/bin/env bash' tests mk .ci 2>/dev/null); do
    case $(head -1 "$f") in *bash*) bash -n "$f" || bad=1 ;; *) sh -n "$f" || bad=1 ;; esac
    if command -v shellcheck >/dev/null; then
        shellcheck -S error "$f" || bad=1
    fi
done
exit $bad
