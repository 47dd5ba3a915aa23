/** The roles that a process of distcomp can have. */

/** The roles that an executable contains. Each is loaded on demand, so that a slot uses little memory. */
export interface Roles {
  /** How `distcomp run` begins, before the rest of its code is loaded. */
  readonly launch?: () => Promise<typeof import("./run/launch.ts")>;
  /** `distcomp run`. */
  readonly controller?: () => Promise<typeof import("./run/run_command.ts")>;
  /** `distcomp worker`. */
  readonly worker?: () => Promise<typeof import("./worker/worker_command.ts")>;
  /** `distcomp exec`. */
  readonly exec?: () => Promise<typeof import("./cores/exec_command.ts")>;
  /** `distcomp new`. */
  readonly project?: () => Promise<typeof import("./cores/new_command.ts")>;
  /** The worker that `distcomp run` starts on its own machine. */
  readonly localWorker?: () => Promise<typeof import("./worker/local_worker_command.ts")>;
  /** `distcomp check`. */
  readonly check?: () => Promise<typeof import("./cores/check_command.ts")>;
  /** `distcomp bench`. */
  readonly bench?: () => Promise<typeof import("./bench/bench_command.ts")>;
  /** `distcomp status`. */
  readonly status?: () => Promise<typeof import("./watching/status_command.ts")>;
  /** `distcomp top`. */
  readonly top?: () => Promise<typeof import("./watching/top_command.ts")>;
  /** `distcomp key`. */
  readonly key?: () => Promise<typeof import("./key/key_command.ts")>;
  /** `distcomp report`. */
  readonly report?: () => Promise<typeof import("./watching/report_command.ts")>;
  /** `distcomp up`. */
  readonly up?: () => Promise<typeof import("./up/up_command.ts")>;
  /** The process in which `distcomp check` tries a core. */
  readonly trial?: () => Promise<typeof import("../check/trial.ts")>;
  /** `distcomp sign`, and what belongs to it. */
  readonly signer?: () => Promise<typeof import("./key/signer_command.ts")>;
  /** The process that a worker starts for each of its slots. */
  readonly slot?: () => Promise<typeof import("../slot/slot_loop.ts")>;
}
