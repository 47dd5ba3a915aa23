/** The only import of the test runner. Both `deno test` and `bun test` understand `node:test`. */

import "./own_settings.ts";
import { test as nodeTest } from "node:test";
import process from "node:process";

type Body = () => void | Promise<void>;

/**
 * Why slow tests are skipped, if they are: `deno task test` should take minutes on a small machine. Tests with real
 * heartbeats of 20 seconds, gigabytes, or hundreds of thousands of jobs are slow.
 */
export const slow = process.env.DISTCOMP_TEST_ALL === "1"
  ? undefined
  : "slow, run by deno task test:all";

/** Declares a test. Its name is a sentence that is true when the test passes. */
export function test(name: string, body: Body): void {
  nodeTest(name, async () => {
    try {
      await body();
    } catch (error) {
      throw causeOf(error);
    }
  });
}

/**
 * Why a test failed. What it uses is disposed of after that and may fail too, which would hide the cause: the
 * runners print neither error of a `SuppressedError`.
 */
function causeOf(error: unknown): unknown {
  if (!(error instanceof Error) || error.name !== "SuppressedError") return error;
  const { error: later, suppressed } = error as SuppressedError;
  console.error("And then, while the test was cleaned up:", later);
  return causeOf(suppressed);
}

/** Declares a test that is skipped if the machine lacks what it needs. `missing` says what it lacks, if anything. */
export function testUnless(missing: string | undefined, name: string, body: Body): void {
  if (missing) nodeTest(`${name} (skipped: ${missing})`, { skip: missing }, () => {});
  else test(name, body);
}

/** Declares a test that only `deno task test:all` runs. */
export function slowTest(name: string, body: Body): void {
  testUnless(slow, name, body);
}

/**
 * Declares a test that starts many programs, and is about what hardly depends on the runtime. `deno task test` skips it:
 * the quick round of Bun or of the executable runs it, so that it runs once.
 */
export function programTest(name: string, body: Body): void {
  programTestUnless(undefined, name, body);
}

/** The same, if the machine has what it needs. */
export function programTestUnless(missing: string | undefined, name: string, body: Body): void {
  const isRun = process.versions.bun || process.env.DISTCOMP_TEST_COMMAND;
  const elsewhere = slow && "starts many programs, run by deno task test:bun or test:executable";
  testUnless(missing ?? (isRun ? undefined : elsewhere), name, body);
}

/** Declares a slow test that is skipped if the machine lacks what it needs. */
export function slowTestUnless(missing: string | undefined, name: string, body: Body): void {
  testUnless(missing ?? slow, name, body);
}
