# Which tests the executable is held to, besides its own: of what differs between source and executable, which is starting
# itself, pipes, signals, loading and losing cores.

# Tests that only start the program. The executable is Bun's, so that they run on Bun once: there.
# shellcheck disable=SC2034 # the scripts that read this file use it
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
)

# Tests that also have workers in their own process, which are not the executable's: they run on Bun as well.
# shellcheck disable=SC2034
SMOKE_WORKERS=(
  tests/worker/conversation_test.ts
  tests/worker/crash_test.ts
  tests/worker/printing_test.ts
  tests/worker/stdio_test.ts
  tests/worker/unload_test.ts
)
