/** The names of runs' sockets: each says which process listens there. */

import type { Random } from "../runtime/clock.ts";

const ENDING = ".sock";

/** Bytes that make a name unique, also where several containers share a folder. */
const RANDOM_BYTES = 4;

/** A name for a socket of this process. */
export function newSocketName(pid: number, random: Pick<Random, "hex">): string {
  return `${pid}-${random.hex(RANDOM_BYTES)}${ENDING}`;
}

/** Whether a file in the folder of sockets is one. */
export function isSocketName(name: string): boolean {
  return name.endsWith(ENDING);
}

/** The process that listens at a socket. */
export function pidOfSocket(path: string): number | undefined {
  const pid = /([0-9]+)-[0-9a-f]+\.sock$/.exec(path)?.[1];
  return pid === undefined ? undefined : Number(pid);
}
