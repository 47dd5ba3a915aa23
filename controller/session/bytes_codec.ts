/** The codec of a session without one: inputs and outputs are bytes. */

import type { Codec, JobInput, JobOutput } from "./types.ts";

/** Bytes stay what they are. */
export const BYTES: Codec<JobInput, JobOutput> = {
  encode: (input) => input,
  decode: (output) => output,
};
