/** Uses everything that the package exports, as strict TypeScript: a test compiles it against the packed package. It is not run. */

import {
  AddressError,
  arrayCodec,
  type Codec,
  CoreFileError,
  JobError,
  jsonCodec,
  KeyError,
  NoWorkerError,
  Session,
  SessionClosedError,
  type SessionOptions,
  textCodec,
  WorkerServer,
  type WorkerServerOptions,
} from "@distcomp/distcomp";

const options: SessionOptions = { core: new URL("file:///core.so"), workers: ["node1:7433"] };
await using session = await Session.open({ ...options, retries: undefined, whenNoWorker: "wait" });
const bytes: Uint8Array<ArrayBuffer> = await session.run(new Float64Array(3), { priority: 1 });
for await (const result of session.map([new Blob(["a"]), new Blob(["b"])], { ahead: 2 })) {
  const input: Blob = result.input;
  if (result.ok) bytes.set(result.output);
  else console.log(input.size, result.error.kind === "timeout", result.error.exitCode);
}
const codec: Codec<{ x: number }, number> = {
  encode: ({ x }) => Float64Array.of(x),
  decode: (output) => new Float64Array(output.buffer)[0] ?? NaN,
};
const typed: number = await session.typed(codec).run({ x: 1 });
const doubled: Float64Array<ArrayBuffer> = await session.typed(arrayCodec(Float64Array)).run(Float64Array.of(typed));
const text: string = await session.typed(textCodec).run("text");
const json = await session.typed(jsonCodec<{ x: number }, string[]>()).run({ x: 1 });
session.on("workerLeft", ({ worker, how, reason }) => console.log(worker, how === "lost", reason));
session.on("jobFailed", ({ job, error }) => console.log(job + 1, error.attempts, error.workers));
// @ts-expect-error a string is no input
await session.run("text");
// @ts-expect-error there is no such event
session.on("other", () => {});
// @ts-expect-error there is no such option
await Session.open({ core: "a.so", timeout: 5 });
const [key, log] = [undefined, undefined];
const worker: WorkerServerOptions = { slots: undefined, key, insecure: undefined, log, folder: undefined, name: undefined };
// @ts-expect-error that is no option of a worker in a program
await WorkerServer.listen("127.0.0.1:0", { ...worker, ownsProcess: true });
await using server = await WorkerServer.listen("127.0.0.1:0", { slots: 1 });
console.log(server.address, session.stats().inFlight, doubled, text, json);
const classes = [AddressError, CoreFileError, JobError, KeyError, NoWorkerError, SessionClosedError];
console.log(classes.map(({ name }) => name));
