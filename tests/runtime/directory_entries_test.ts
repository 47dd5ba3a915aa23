/** Entries of folders, as the system lists them. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { entriesIn, identified } from "../../runtime/files/directory_entries.ts";
import { test } from "../lib/test.ts";

const [UNKNOWN, FIFO, FOLDER, FILE, LINK] = [0, 1, 4, 8, 10];

test("what the file system does not know about an entry is asked for, beside other work", async () => {
  const asked = Array.from({ length: 100 }, (_, index) => `f${index}`);
  const listed = entriesIn(Buffer.concat([
    ...[entry(".", FOLDER), entry("..", FOLDER), entry("a", FILE), entry("b", FOLDER)],
    ...[entry("c", LINK), entry("d", FIFO), ...asked.map((name) => entry(name, UNKNOWN))],
  ]));
  let turns = 0;
  let next = setImmediate(function turn() {
    turns += 1;
    next = setImmediate(turn);
  });
  const kinds = [undefined, "socket", "folder"] as const;
  const entries = await identified(listed, (name) => kinds[Number(name.slice(1)) % 3]);
  clearImmediate(next);
  assert.deepEqual(entries, [
    { name: "a", kind: "file" },
    { name: "b", kind: "folder" },
    { name: "c", kind: "link" },
    { name: "d", kind: "other" },
    ...asked.map((name, index) => ({
      name,
      kind: (["file", "other", "folder"] as const)[index % 3],
    })),
  ]);
  assert(turns >= 5, `${turns} turns`);
});

/** A `struct linux_dirent64`. */
function entry(name: string, type: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil((20 + name.length) / 8) * 8);
  bytes.writeUInt16LE(bytes.byteLength, 16);
  bytes[18] = type;
  bytes.write(name, 19);
  return bytes;
}
