/**
 * Ends what slots have started when their worker is killed with SIGKILL: the system ends the slots then, but not
 * their children. A shell waits at a pipe for the end of the worker. It knows the process groups of all slots, and
 * finds processes that have left these by the variable that they inherit from their slot. Linux only.
 */

import { env } from "node:process";
import type { ChildProcess, Runtime } from "../../../runtime/ports.ts";
import { SLOT_PROCESS } from "../../../system/leftover_processes.ts";

/**
 * Reads lines: `+ GROUP` and `- GROUP`, when a slot starts and ends. A killed process may just have started another
 * one, so it looks again until it finds none, for two seconds at most.
 */
const SCRIPT = `
trap '' HUP INT QUIT TERM USR1 USR2
groups=
while read -r what group; do
  case $what in
    +) groups="$groups $group" ;;
    -) rest=
       for one in $groups; do [ "$one" = "$group" ] || rest="$rest $one"; done
       groups=$rest ;;
  esac
done
for one in $groups; do kill -s KILL -- "-$one"; done
for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  found=$(grep -lsF -- "$1" /proc/[0-9]*/environ)
  [ -n "$found" ] || exit 0
  for file in $found; do process=\${file#/proc/}; kill -s KILL "\${process%/environ}"; done
  sleep 0.1
done
`;

/** The guardian of one worker. */
export class Guardian {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
    for (const output of child.outputs) void output.cancel().catch(() => {}); // it prints nothing
  }

  /** Starts it for the slots that connect to a socket. `undefined` if there is no shell. */
  static start(runtime: Pick<Runtime, "spawn">, socketPath: string): Guardian | undefined {
    const mark = `${SLOT_PROCESS}=${socketPath}-`;
    const command = ["/bin/sh", "-c", `exec 2>/dev/null\n${SCRIPT}`, "distcomp-guardian", mark];
    try {
      const own = { PATH: env["PATH"] ?? "/usr/bin:/bin" };
      return new Guardian(runtime.spawn(command, { env: own, isDetached: true, isTold: true }));
    } catch {
      return undefined; // then the next worker on this machine ends what was left
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** A slot was started, which leads a process group. */
  onStarted(group: number): void {
    this.#child.tell?.(`+ ${group}\n`);
  }

  /** A slot and its group have ended. */
  onEnded(group: number): void {
    this.#child.tell?.(`- ${group}\n`);
  }

  /** The worker ends, and has ended its slots. */
  async close(): Promise<void> {
    this.kill();
    await this.#child.ended;
  }

  /** The same, for a process that is about to exit. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }
}
