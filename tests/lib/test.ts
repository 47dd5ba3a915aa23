/** The only import of the test runner. Both `deno test` and `bun test` understand `node:test`. */

import { test as nodeTest } from "node:test";

/** Declares a test. Its name is a sentence that is true when the test passes. */
export function test(name: string, body: () => void | Promise<void>): void {
  nodeTest(name, body);
}

/** Declares a test that is skipped if the machine lacks what it needs. `missing` says what it lacks, if anything. */
export function testUnless(
  missing: string | undefined,
  name: string,
  body: () => void | Promise<void>,
): void {
  if (missing) nodeTest(`${name} (skipped: ${missing})`, { skip: missing }, () => {});
  else nodeTest(name, body);
}
