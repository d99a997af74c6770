#!/bin/sh
# Every text that people read has its Chinese in policies/say_zh.def.
lacks=$(python3 "$(dirname "$0")/say.py") && [ -z "$lacks" ] && exit 0
printf '%s\n' "$lacks" | sed 's/.*/policies\/say_zh.def wants: ZH("&", "…")/'
exit 1
