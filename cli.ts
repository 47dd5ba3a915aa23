/** The entry point of the complete program, `distcomp`. */

import { main } from "./cli/main.ts";

main({
  controller: () => import("./cli/run_command.ts"),
  worker: () => import("./cli/worker_command.ts"),
  exec: () => import("./cli/exec_command.ts"),
  project: () => import("./cli/new_command.ts"),
  localWorker: () => import("./cli/local_worker_command.ts"),
  check: () => import("./cli/check_command.ts"),
  bench: () => import("./cli/bench_command.ts"),
  report: () => import("./cli/report_command.ts"),
  status: () => import("./cli/status_command.ts"),
  top: () => import("./cli/top_command.ts"),
  key: () => import("./cli/key_command.ts"),
  up: () => import("./cli/up_command.ts"),
  trial: () => import("./check/trial.ts"),
  signer: () => import("./cli/signer_command.ts"),
  slot: () => import("./slot/slot.ts"),
});
