/** Inputs from a named pipe. It can be read only once, so nobody may open it to count what is in it. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { fileSource } from "../../../controller/inputs/files.ts";
import { lineSource } from "../../../controller/inputs/lines.ts";
import type { Source } from "../../../controller/inputs/source.ts";
import { tableSource } from "../../../controller/inputs/table.ts";
import { tarSource } from "../../../controller/inputs/tar/tar_source.ts";
import { nextTurn } from "../../../runtime/clock.ts";
import { systemFiles } from "../../../runtime/files/system_files.ts";
import { Workspace } from "../../cli/workspace.ts";
import { test } from "../../lib/test.ts";
import { noWarning } from "./sources.ts";

const ROWS = "n\n1\n2\n";

const files = systemFiles;
const warn = noWarning;

/** What the pipe is called, the source that reads it, and the number of inputs that is known without reading it. */
const SOURCES: readonly (readonly [string, (pipe: string) => Source, number | undefined])[] = [
  ["p.csv", (pipe) => tableSource(pipe), undefined],
  ["p.tsv", (pipe) => tableSource(pipe), undefined],
  ["p.txt", (pipe) => lineSource(pipe), undefined],
  ["p.tar", (pipe) => tarSource({ files, tar: pipe, warn }), undefined],
  ["p", (pipe) => fileSource({ files, paths: [pipe], outputs: "/none", warn }), 1],
];

for (const [name, sourceOf, known] of SOURCES) {
  test(`to count inputs takes nothing from a pipe: ${name}`, async () => {
    await using workspace = await Workspace.make();
    const pipe = pipeIn(workspace, name);
    const reader = await open(pipe, constants.O_RDONLY | constants.O_NONBLOCK); // what is written stays
    try {
      await write(pipe, ROWS);
      assert.equal(await counted(sourceOf(pipe), pipe), known);
      const left = new Uint8Array(16);
      assert.equal((await reader.read(left, 0, left.byteLength, null)).bytesRead, ROWS.length);
    } finally {
      await reader.close();
    }
  });
}

function pipeIn(workspace: Workspace, name: string): string {
  execFileSync("mkfifo", [workspace.at(name)]);
  return workspace.at(name);
}

/** The count of a source. If it opens the pipe, it finds a writer there, and the end: it waits for neither. */
async function counted(source: Source, pipe: string): Promise<number | undefined> {
  let isCounting = true;
  const counting = source.count().catch(() => undefined) // as in a run, which meets the error itself
    .finally(() => isCounting = false);
  while (isCounting) {
    await write(pipe, "");
    await nextTurn();
  }
  return await counting;
}

async function write(pipe: string, text: string): Promise<void> {
  const writer = await open(pipe, "w");
  await writer.write(text);
  await writer.close();
}
