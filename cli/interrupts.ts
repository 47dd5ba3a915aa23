/** Handles Ctrl-C and SIGTERM during a run. */

import process from "node:process";
import type { Run } from "../controller/run.ts";
import { ExitCode } from "./exit_code.ts";
import { formatNoun } from "./format.ts";
import type { Progress } from "./progress.ts";
import { exit } from "./stderr.ts";

/**
 * Handles SIGINT and SIGTERM until the returned function is called: the first one lets running jobs finish,
 * the second one only cleans up, the third one exits at once.
 */
export function handleInterrupts(run: Run, progress: Progress): () => void {
  let count = 0;
  const handler = () => {
    count += 1;
    if (count === 1) {
      run.interrupt();
      reportRunning(run, progress);
    } else if (count === 2) {
      run.abandon();
    } else {
      progress.stop();
      void exit(ExitCode.interrupted);
    }
  };
  process.on("SIGINT", handler);
  process.on("SIGTERM", handler);
  return () => {
    process.off("SIGINT", handler);
    process.off("SIGTERM", handler);
  };
}

function reportRunning(run: Run, progress: Progress): void {
  const { inFlight, slots, slotsAreKnown } = run.status;
  const running = slotsAreKnown ? Math.min(inFlight, slots) : inFlight;
  if (running === 0) return;
  const jobs = formatNoun(running, "running job");
  progress.write(`finishing ${jobs}; interrupt again to stop at once`);
}
