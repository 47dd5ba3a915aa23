/** Lists of workers, from the command line and from files with any bytes. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import process from "node:process";
import { UsageError } from "../../../cli/program/usage_error.ts";
import { readWorkers, workersOf } from "../../../cli/options/worker_list.ts";
import { formatAddress, parseAddress } from "../../../link/address.ts";
import fc from "../../lib/properties.ts";
import { runs } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";
import { Workspace } from "../workspace.ts";

const anyName = fc.constantFrom("a:1", "b", "[::1]:7", "unix:/run/a b", "10.0.0.1:65535");
const anyPiece = fc.oneof(
  anyName,
  fc.constantFrom("\n", "\r\n", "\n", " ", "\t", "#", "# text", ",", "\0", "\r", "\ufeff", "é"),
);

test("a file of workers is read alike with any line endings, comments and blanks", async () => {
  await using workspace = await Workspace.makeInMemory();
  const anyLine = fc.record({
    name: fc.option(anyName, { nil: "" }),
    before: fc.constantFrom("", " ", "\t"),
    after: fc.constantFrom("", " ", "# comment", " # a:2, b:3"),
  });
  const anyEnd = fc.constantFrom("\n", "\r\n");
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyLine, { maxLength: 8 }),
      anyEnd,
      fc.boolean(),
      async (lines, end, isEnded) => {
        const names = lines.map(({ name }) => name).filter((name) => name !== "");
        fc.pre(names.length > 0);
        const text = lines.map(({ name, before, after }) => before + name + after).join(end);
        const file = await workspace.write("workers", isEnded ? text + end : text);
        const expected = await readWorkers(names.join(","));
        assert.deepEqual(await readWorkers(`@${file}`), expected);
      },
    ),
    runs(50),
  );
});

test("any bytes in a file of workers give addresses, or one error of limited length", async () => {
  await using workspace = await Workspace.makeInMemory();
  const anyBytes = fc.oneof(
    fc.array(anyPiece, { maxLength: 12 }).map((pieces) => Buffer.from(pieces.join(""))),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.nat(200_000).map((length) => Buffer.alloc(length, "node:7 ")),
  );
  await fc.assert(
    fc.asyncProperty(anyBytes, async (bytes) => {
      const file = await workspace.write("workers", bytes);
      await expectAddresses(`@${file}`);
    }),
    runs(100),
  );
});

test("a ~ in the variable with workers, which no shell expands, is refused by its name", async () => {
  const before = process.env.DISTCOMP_WORKERS;
  process.env.DISTCOMP_WORKERS = "@~/hosts";
  try {
    await assert.rejects(workersOf({}), {
      name: "UsageError",
      message:
        /^DISTCOMP_WORKERS "@~\/hosts" does not name your home, .* write @\$HOME\/hosts, or /,
    });
  } finally {
    if (before === undefined) delete process.env.DISTCOMP_WORKERS;
    else process.env.DISTCOMP_WORKERS = before;
  }
});

test("a file of workers in a list, or in another file, is refused, and not taken for an address", async () => {
  await using workspace = await Workspace.makeInMemory();
  const file = await workspace.write("workers", "node1\n@~/x\n");
  const message = 'The list "@~/x" cannot be combined with others; repeat --workers';
  for (
    const [list, place] of [["a, @~/x", "LIST: "], [`@${file}`, `${file}, line 2: `]] as const
  ) {
    await assert.rejects(readWorkers(list, "LIST: "), {
      name: "UsageError",
      message: place + message,
    });
  }
});

test("an error in a file of workers names the file and the line", async () => {
  await using workspace = await Workspace.makeInMemory();
  for (const name of ["a:b:c", "me@node3"]) {
    const file = await workspace.write("workers", `node1\n# text\n\n${name}\n`);
    await assert.rejects(readWorkers(`@${file}`), (error: Error) => {
      assert(error.message.startsWith(`${file}, line 4: `), error.message);
      return error instanceof UsageError;
    });
  }
});

test("any text as a list of workers gives addresses, or one error of limited length", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyPiece, { maxLength: 8 }).map((pieces) => pieces.join("")),
      async (text) => {
        await expectAddresses(text.replace(/^@/, ""));
      },
    ),
    runs(100),
  );
});

/** Addresses that mean the same when they are written down, or an error. */
async function expectAddresses(list: string): Promise<void> {
  try {
    const addresses = await readWorkers(list);
    assert.deepEqual(addresses.map(formatAddress).map(parseAddress), addresses);
  } catch (error) {
    assert(error instanceof UsageError, `${error}`);
    assert(error.message.length < 1000);
  }
}
