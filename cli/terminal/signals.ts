/** The signals that runs and workers handle. */

import process from "node:process";
import { hangupIsIgnored } from "../../runtime/processes/hangup.ts";
import { tty } from "../../runtime/late_modules.ts";

/** Signals that ask a process to end. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGQUIT";

const STDOUT = 1;
const STDERR = 2;

/** A program asks for the state with SIGUSR2; on macOS and BSD, the terminal does with SIGINFO (Ctrl-T). */
const STATE_SIGNALS: readonly NodeJS.Signals[] = process.platform === "linux"
  ? ["SIGUSR2"]
  : ["SIGUSR2", "SIGINFO"];

/** What signals do. */
export interface SignalHandlers {
  /** Somebody asks this process to end. */
  onStop(signal: StopSignal): void;
  /** Somebody asks for its state. */
  onAsked(): void;
}

/**
 * Handles the signals that ask this process to end or to print its state. SIGHUP, which comes when the terminal is
 * gone, stays ignored if the process was started so, as by `nohup`. To be called before anything else handles a
 * signal: with the first one, Deno ends ignoring SIGHUP.
 */
export async function handleSignals(handlers: SignalHandlers): Promise<void> {
  const isHangupIgnored = await hangupIsIgnored() ?? !hasTerminal();
  handle("SIGXFSZ", () => {}); // a write beyond `ulimit -f` fails then, and is reported: it would kill Deno
  for (const signal of STATE_SIGNALS) handle(signal, () => handlers.onAsked());
  let hasHungUp = isHangupIgnored;
  handle("SIGHUP", () => {
    // When a terminal is closed, the system sends it, and the shell once more: that is not a second request.
    if (!hasHungUp) handlers.onStop("SIGHUP");
    hasHungUp = true;
  });
  // SIGQUIT comes last: with the first one, Deno catches all of them but this one, so who looks at what the process
  // catches sees by this one that all are handled.
  for (const signal of ["SIGINT", "SIGTERM", "SIGQUIT"] as const) {
    handle(signal, () => handlers.onStop(signal));
  }
}

/** `nohup` leaves no output on a terminal. */
function hasTerminal(): boolean {
  const { isatty } = tty();
  return isatty(STDOUT) || isatty(STDERR);
}

/** Calls `action` for a signal. Without effect where the system does not have it. */
export function handle(signal: NodeJS.Signals, action: () => void): void {
  try {
    process.on(signal, action);
  } catch {
    // Windows has few signals.
  }
}
