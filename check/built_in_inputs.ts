/** The inputs of a check without inputs. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CheckedInput } from "./input_trials.ts";

/**
 * Sizes and names. With its NUL byte, an input of 63 or 65,535 bytes ends right before the guard, so that one byte
 * more is seen.
 */
const INPUTS = [
  [0, "an empty one"],
  [1, "1 byte"],
  [63, "63 bytes"],
  [65_535, "64 KiB less 1 byte"],
] as const;

/** Writes the inputs. Their bytes look random, and are always the same. */
export function writeBuiltInInputs(folder: string): CheckedInput[] {
  mkdirSync(folder, { recursive: true });
  return INPUTS.map(([bytes, name]) => {
    const path = join(folder, String(bytes));
    writeFileSync(path, pseudorandomBytes(bytes));
    return { name, path, isBuiltIn: true };
  });
}

/** Bytes of a linear congruential generator. */
function pseudorandomBytes(count: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}
