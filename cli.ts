/** The entry point of the complete program, `distcomp`. */

import { main } from "./cli/main.ts";

main({
  launch: () => import("./cli/run/launch.ts"),
  controller: () => import("./cli/run/run_command.ts"),
  worker: () => import("./cli/worker/worker_command.ts"),
  exec: () => import("./cli/cores/exec_command.ts"),
  project: () => import("./cli/cores/new_command.ts"),
  localWorker: () => import("./cli/worker/local_worker_command.ts"),
  check: () => import("./cli/cores/check_command.ts"),
  bench: () => import("./cli/bench/bench_command.ts"),
  report: () => import("./cli/watching/report_command.ts"),
  status: () => import("./cli/watching/status_command.ts"),
  top: () => import("./cli/watching/top_command.ts"),
  key: () => import("./cli/key/key_command.ts"),
  up: () => import("./cli/up/up_command.ts"),
  trial: () => import("./check/trial.ts"),
  signer: () => import("./cli/key/signer_command.ts"),
  slot: () => import("./slot/slot_loop.ts"),
});
