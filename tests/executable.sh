#!/usr/bin/env bash
# Builds the executable and holds it to its own tests and to a choice of the program's: that of Bun, or
# with `--runtime deno` that of `deno compile`.
set -euo pipefail
cd "$(dirname "$0")/.."

runtime=bun
if [ $# -eq 2 ] && [ "$1" = --runtime ]; then
  runtime=$2
elif [ $# -gt 0 ]; then
  echo "tests/executable.sh: Unknown arguments \"$*\"; it takes --runtime bun or --runtime deno" >&2
  exit 2
fi

. tests/smoke.sh
deno() { .ci/deno "$@"; }
export DISTCOMP_TEST_RUNTIME=$runtime
folder=$(deno run -A --quiet tests/lib/executables.ts)
DISTCOMP_TEST_COMMAND=$folder/distcomp deno task test --no-check tests/compiled "${SMOKE[@]}" "${SMOKE_WORKERS[@]}"
