#!/bin/bash
# Overwriting against dd.  POOL=FOLDER measures on that folder's file system (default: TMPDIR).
set -euo pipefail
exec python3 "$(dirname "$0")/bench_erase.py" "$1/bench-erase"
