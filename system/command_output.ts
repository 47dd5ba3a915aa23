/** Runs a program of the system that answers soon, and collects what it prints. */

import process from "node:process";
import type { ProcessEnd, Runtime } from "../runtime/ports.ts";

/** More of what a program prints is thrown away. */
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

/** A program that has ended. */
export interface CommandOutput {
  readonly end: ProcessEnd;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program, which is killed if it takes longer than `limitMs`. Rejects if it cannot be started, as where it is not
 * installed. `isDetached`: Ctrl-C in a terminal does not end it.
 */
export async function outputOf(
  { spawn, clock }: Pick<Runtime, "spawn" | "clock">,
  command: readonly string[],
  limitMs: number,
  isDetached = false,
): Promise<CommandOutput> {
  const child = spawn(command, { env: process.env as Record<string, string>, isDetached });
  const timer = clock.after(limitMs, () => child.kill("SIGKILL"));
  try {
    const [stdout = "", stderr = ""] = await Promise.all(child.outputs.map(textOf));
    return { end: await child.ended, stdout, stderr };
  } finally {
    timer.stop();
  }
}

async function textOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    if (text.length < OUTPUT_BYTES_MAX) text += decoder.decode(bytes, { stream: true });
  }
  return text + decoder.decode();
}
