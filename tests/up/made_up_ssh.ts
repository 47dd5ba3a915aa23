/** An ssh that prints what a test says. */

import type { PipedProcess, StartPiped } from "../../runtime/processes/piped_process.ts";
import { nextTurn } from "../../runtime/clock.ts";

/** What one ssh prints. It ends at once, with an error, if it has something on stderr; else when it is closed. */
export interface MadeUpSsh {
  readonly stdout?: string;
  readonly stderr?: string;
}

/** Starts one of these after the other, and the last one again and again. */
export function madeUpSsh(...all: readonly MadeUpSsh[]): StartPiped {
  let started = 0;
  return () => processOf(all[Math.min(started++, all.length - 1)] ?? {});
}

function processOf({ stdout = "", stderr }: MadeUpSsh): PipedProcess {
  const closed = Promise.withResolvers<void>();
  if (stderr !== undefined) closed.resolve();
  const left = [stdout];
  const read = async (into: Uint8Array<ArrayBuffer>) => {
    const text = left.shift();
    if (text) return new TextEncoder().encodeInto(text, into).written;
    await closed.promise;
    return null;
  };
  const nothing = () => Promise.resolve();
  const close = () => closed.resolve();
  return {
    stream: { peer: "", read, write: nothing, endWrites: nothing, close },
    stderr: () => stderr ?? "",
    ended: closed.promise.then(nextTurn).then(() => ({ exitCode: stderr === undefined ? 0 : 255 })),
    kill: close,
  };
}
