/** The one door to the test runner: `node:test` is understood by `deno test` and by `bun test`. */

import { test as nodeTest } from "node:test";

/** Declares a test. Its name is a sentence that is true when the test passes. */
export function test(name: string, body: () => void | Promise<void>): void {
  nodeTest(name, body);
}

/** The same where the machine may lack what the test needs; `missing` says what, or is undefined. */
export function testUnless(
  missing: string | undefined,
  name: string,
  body: () => void | Promise<void>,
): void {
  if (missing) nodeTest(`${name} (skipped: ${missing})`, { skip: missing }, () => {});
  else nodeTest(name, body);
}
