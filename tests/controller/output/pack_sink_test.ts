/** What a pack does with the memory of outputs. */

import assert from "node:assert/strict";
import type { PackFile } from "../../../controller/output/pack_file.ts";
import { PackSink } from "../../../controller/output/pack_sink.ts";
import { packFormatOf } from "../../../controller/output/pack_format.ts";
import { test } from "../../lib/test.ts";
import { VirtualClock } from "../../lib/virtual_clock.ts";

const LARGE = 100_000;

test("the memory of an output is given back when it was copied or written, and not before", async () => {
  for (const [ending, isReferenced] of [[".tar", true], [".jsonl", false]] as const) {
    const file = new HeldFile();
    const format = packFormatOf(`pack${ending}`) ?? assert.fail();
    const options = { path: "pack", file, format, clock: new VirtualClock(), keptBytes: 0 };
    const sink = await PackSink.open(options);
    const given: number[] = [];
    const backlog = { onBegun() {}, onEnded() {} };
    const outputs = [new Uint8Array(10), new Uint8Array(LARGE)] as const;
    const give = ({ buffer, byteLength }: Uint8Array) => {
      if (outputs.some((output) => output.buffer === buffer)) given.push(byteLength);
    };
    sink.countIn(backlog, { give });
    for (const output of outputs) sink.commit(`${output.byteLength}`, output);
    const written = sink.write();
    assert.deepEqual(given, isReferenced ? [10] : [10, LARGE]); // a line has a copy
    file.gate.resolve();
    await written;
    assert.deepEqual(given, [10, LARGE]);
    await sink.close();
  }
});

/** A file that is written once the gate is open. */
class HeldFile implements PackFile {
  readonly gate = Promise.withResolvers<void>();
  readonly bytes = 0;

  endBefore(): number {
    return 0;
  }

  append(): Promise<void> {
    return this.gate.promise;
  }

  read(): Promise<number> {
    return Promise.resolve(0);
  }

  async cut(): Promise<void> {}
  async datasync(): Promise<void> {}
  async close(): Promise<void> {}
}
