/** The exit statuses of `distcomp`. */

/** A test compares them with docs/reference.md. */
export const ExitCode = {
  ok: 0,
  someFailed: 1,
  usage: 2,
  noWorker: 3,
  timeLimit: 4,
  interrupted: 130,
} as const;
