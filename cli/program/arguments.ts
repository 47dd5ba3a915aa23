/** The arguments of this process. The runtimes damage those that are not UTF-8; Linux still has their bytes. */

import { lossyName, nameOfBytes, REPLACEMENT } from "../../runtime/files/file_name.ts";
import { fs } from "../../runtime/late_modules.ts";
import { argumentsGiven } from "../../runtime/this_process.ts";

/** What the user typed. Names of files that are not UTF-8 are written as `file_name.ts` says. */
export function typedArguments(): string[] {
  const args = argumentsGiven();
  if (!args.some((arg) => arg.includes(REPLACEMENT))) return args;
  return exactArguments(args, commandLine());
}

/** The arguments as `bytes` has them: all arguments of a process, each with a zero byte at its end. */
export function exactArguments(args: readonly string[], bytes: Uint8Array): string[] {
  const all: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0, start);
    all.push(bytes.subarray(start, end < 0 ? bytes.length : end));
    start = end < 0 ? bytes.length : end + 1;
  }
  // The first ones are the runtime's.
  const own = all.slice(-args.length);
  return args.map((arg, index) => {
    const exact = own[index];
    return exact && joined(lossyName(exact)) === joined(arg) ? nameOfBytes(exact) : arg;
  });
}

/** Decoders differ in how many replacement characters stand for several bytes. */
function joined(text: string): string {
  return text.replace(/\ufffd+/g, REPLACEMENT);
}

function commandLine(): Uint8Array {
  try {
    return fs().readFileSync("/proc/self/cmdline");
  } catch {
    return new Uint8Array(0); // not Linux, or no permission
  }
}
