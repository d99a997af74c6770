#!/bin/bash
# One decision of placing, in microseconds, and how well it packs.  $1: build folder.
set -euo pipefail
exec "$1/bench-place"
