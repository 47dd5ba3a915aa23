/** The published byte vectors of version 1, sent to a worker. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import {
  type ControllerV1,
  type Cut,
  errorText,
  jobResult,
  type WorkerResponse,
} from "../fixtures/peers/controller_v1.ts";
import { encodeFrame, ERROR, OK, textOf, utf8, view } from "../fixtures/peers/frames.ts";
import { coreBytes } from "../lib/cores.ts";
import { test } from "../lib/test.ts";
import { connect, loadCore, run } from "./controllers.ts";
import { startOwnWorker } from "./own_worker.ts";

interface Vector {
  readonly name: string;
  readonly direction: string;
  readonly hex: string;
}

interface Meaning {
  readonly type: string;
  readonly id: string;
  readonly name: string;
  readonly input_hex: string;
}

type ValidVector = Vector & { readonly meaning: Meaning };
type InvalidVector = Vector & { readonly expect: string };

const file = new URL("../fixtures/v1-vectors.json", import.meta.url);
const vectors: { valid: ValidVector[]; invalid: InvalidVector[] } = JSON.parse(
  readFileSync(file, "utf8"),
);
const messages = vectors.valid.filter(isMessage);
const refused = vectors.invalid.filter(isMessage);
const refusedButUsable = refused.filter(({ expect }) => expect.includes("stays usable"));
const refusedAndClosed = refused.filter(({ expect }) => expect.includes("closed"));

const seed = Math.floor(Math.random() * 2 ** 31);
const cuts: [string, Cut][] = [
  ["whole", "whole"],
  ["byte by byte", "bytes"],
  [`cut at random (seed ${seed})`, seed],
];

for (const [how, cut] of cuts) {
  test(`a worker does what every valid vector asks for, sent ${how}`, async () => {
    await using worker = await startOwnWorker();
    for (const vector of messages) {
      await using controller = await connect(worker, cut);
      if (vector.meaning.type === "job") await loadCore(controller, "echo");
      assertDone(vector.meaning, await sendVector(controller, vector));
    }
  });

  test(`a worker refuses every invalid vector and goes on, sent ${how}`, async () => {
    await using worker = await startOwnWorker();
    await using controller = await connect(worker, cut);
    for (const vector of refusedButUsable) {
      const response = await sendVector(controller, vector);
      assert.equal(response.kind, "error", vector.name);
      assert.notEqual(textOf(response.payload), "", vector.name);
    }
    await loadCore(controller, "echo");
    assert.equal(await run(controller, "still here"), "still here");
  });

  test(`a worker closes after a vector that no receiver can take, sent ${how}`, async () => {
    await using worker = await startOwnWorker();
    for (const vector of refusedAndClosed) {
      await using controller = await connect(worker, cut);
      const response = await sendVector(controller, vector);
      assert.equal(response.kind, "error", vector.name);
      assert.deepEqual(await controller.closed, { by: "worker" }, vector.name);
    }
  });
}

test("every vector for a worker is tried", () => {
  assert.equal(messages.length, 6);
  assert.equal(refusedButUsable.length, 11);
  assert.equal(refusedAndClosed.length, 2);
});

test("a worker's responses have exactly the bytes of the vectors", async () => {
  await using worker = await startOwnWorker();
  await using controller = await connect(worker);
  const core = await coreBytes("behave");
  assertBytes("core-accepted", await controller.sendCore("behave", core, 1n));
  assertBytes("version-accepted", await controller.exchangeVersion(1, 0n));
  assertBytes("job-done-0", await job(4n, "echo ABC"));
  assertBytes("job-done-negative-code", await job(2n ** 53n + 1n, "code-null -1"));
  assertBytes("job-done-int32-min-with-output", await job(9n, "code -2147483648 partial"));
  assertBytes("version-refused", await controller.exchangeVersion(3, 7n));

  function job(id: bigint, input: string): Promise<WorkerResponse> {
    return controller.sendJob(0n, utf8(input), id);
  }
});

function isMessage({ direction }: Vector): boolean {
  return direction === "controller-to-worker";
}

function bytesOf({ hex }: Vector): Uint8Array {
  return Buffer.from(hex, "hex");
}

/** Sends the vector's own bytes, and waits for the response to the id in them. */
async function sendVector(controller: ControllerV1, vector: Vector): Promise<WorkerResponse> {
  const bytes = bytesOf(vector);
  const response = controller.response(view(bytes).getBigUint64(1, true));
  await controller.raw(bytes);
  return await response;
}

function assertDone(meaning: Meaning, response: WorkerResponse): void {
  assert.equal(response.id, BigInt(meaning.id));
  if (meaning.type === "version") assert.deepEqual([...response.payload], [1]);
  // Their content is no library. That the refusal names the core shows that the name was understood.
  if (meaning.type === "core") assert(errorText(response).includes(`"${meaning.name}"`));
  if (meaning.type === "job") {
    const { exitCode, output } = jobResult(response);
    assert.equal(exitCode, 0);
    assert.equal(Buffer.from(output).toString("hex"), meaning.input_hex);
  }
}

/** The peer decodes responses strictly, so that encoding them again gives the received bytes. */
function assertBytes(name: string, { kind, id, payload }: WorkerResponse): void {
  const vector = vectors.valid.find((vector) => vector.name === name);
  const bytes = encodeFrame({ type: kind === "ok" ? OK : ERROR, id, payload });
  assert.equal(Buffer.from(bytes).toString("hex"), vector?.hex, name);
}
