#!/bin/bash
# One deadline of a legal clock, in ns.  $1: build folder.
set -euo pipefail
exec "$1/bench-calendar"
