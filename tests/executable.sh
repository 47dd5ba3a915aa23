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

# What differs between source and executable: starting itself, pipes, signals, loading and losing cores.
SMOKE=(
  tests/attacks/core_reach_test.ts
  tests/attacks/sandbox_test.ts
  tests/cli/cores/exec_test.ts
  tests/cli/run/ending/interrupt_test.ts
  tests/cli/run/jobs/job_faults_test.ts
  tests/cli/key/key_command_test.ts
  tests/cli/cores/new_test.ts
  tests/cli/run/cores/own_libraries_test.ts
  tests/cli/run/ending/signals_test.ts
  tests/cli/run/workers/workers_test.ts
  tests/worker/conversation_test.ts
  tests/worker/crash_test.ts
  tests/worker/printing_test.ts
  tests/worker/stdio_test.ts
  tests/worker/unload_test.ts
)

deno() { .ci/deno "$@"; }
export DISTCOMP_TEST_RUNTIME=$runtime
folder=$(deno run -A --quiet tests/lib/executables.ts)
DISTCOMP_TEST_COMMAND=$folder/distcomp deno task test --no-check tests/compiled "${SMOKE[@]}"
