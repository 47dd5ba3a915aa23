/** What a worker answers when a controller chooses a setup, and what becomes its core. */

import { DiskRoom } from "../../../worker/cores/disk_room.ts";
import assert from "node:assert/strict";
import type { CoreKey } from "../../../pool/types.ts";
import {
  type CoreSetup,
  decodeSetupResponse,
  FrameDecoder,
  HEADER_BYTES,
  MessageType,
  setupKey,
  type Variable,
} from "../../../protocol/mod.ts";
import { nextTurn, systemClock } from "../../../runtime/clock.ts";
import { sha256Of } from "../../../system/sha256.ts";
import { CoreChanges } from "../../../worker/controllers/core_changes.ts";
import { CurrentCore } from "../../../worker/controllers/current_core.ts";
import { ContentStore } from "../../../worker/cores/content_store.ts";
import { SharedTrials } from "../../../worker/cores/shared_trials.ts";
import { CoreStore } from "../../../worker/cores/core_store.ts";
import { CoreLock } from "../../../worker/cores/core_lock.ts";
import { coreBytes } from "../../lib/cores.ts";
import { MemoryDisk } from "../../lib/memory_files.ts";
import { test } from "../../lib/test.ts";

/** A disk on which nothing is short. */
const ROOM = new DiskRoom(() => 0, () => undefined, "/tmp/w");

const FOLDER = "/cores";
const ECHO = await coreBytes("echo");
const DATA = new TextEncoder().encode("some text");
const MISSING = [sha256Of(ECHO), sha256Of(DATA)];

test("a setup whose contents are missing names them, and they are still awaited", async () => {
  const worker = new Changing();
  assert.equal(await worker.choose(), true);
  assert.deepEqual(worker.answers, [MISSING.join()]);
  assert.equal(worker.current.isReady(worker.key()), false);
  await worker.keep(ECHO);
  assert.equal(await worker.choose(), true);
  assert.deepEqual(worker.answers.slice(1), [MISSING[1]]);
});

test("a setup whose contents are here is loaded once, and nothing more is awaited", async () => {
  const worker = new Changing();
  await worker.storeBoth();
  assert.equal(await worker.choose(), false);
  assert.equal(await worker.choose(), false);
  assert.deepEqual(worker.answers, ["", ""]);
  assert(worker.current.isReady(worker.key()));
  assert.deepEqual(worker.loads, [worker.key()]);
});

test("a setup with other variables is another core, which is loaded for itself", async () => {
  const worker = new Changing();
  await worker.storeBoth();
  await worker.choose([["A", "1"]]);
  await worker.choose([["A", "2"]]);
  assert.deepEqual(worker.loads, [worker.key([["A", "1"]]), worker.key([["A", "2"]])]);
  assert(worker.current.isReady(worker.key([["A", "2"]])));
});

test("a setup that cannot be loaded is an error, after which nothing is awaited", async () => {
  const worker = new Changing("worker_init returned 5");
  await worker.storeBoth();
  assert.equal(await worker.choose(), false);
  assert.deepEqual(worker.answers, ['Cannot load compute core "a name": worker_init returned 5']);
});

test("a setup whose core is no library is refused before a process loads it", async () => {
  const worker = new Changing();
  await worker.keep(DATA);
  assert.equal(await worker.choose([], sha256Of(DATA)), false);
  assert.match(worker.answers[0] ?? "", /^Cannot load compute core "a name": ./);
  assert.deepEqual(worker.loads, []);
});

test("a core that is refused, whatever is in it, leaves none current; no other message does", async () => {
  const worker = new Changing();
  await worker.send(new Uint8Array(ECHO));
  worker.changes.onRefused(MessageType.job, 2, "there is no room");
  worker.changes.onRefused(MessageType.setup, 1, "there is no room"); // a type that version 1 does not have
  assert.equal(worker.current.problem, undefined);
  worker.changes.onRefused(MessageType.core, 1, "there is no room");
  assert.match(worker.current.problem ?? "", /sent last: there is no room$/);
});

test("while a large core is hashed, other work goes on, and it becomes the core all the same", async () => {
  const worker = new Changing();
  const content = new Uint8Array(20 * 1024 * 1024);
  content.set(ECHO);
  let turns = 0;
  let isLoaded = false;
  const counting = (async () => {
    for (; !isLoaded; turns++) await nextTurn();
  })();
  await worker.send(content);
  isLoaded = true;
  await counting;
  assert(turns >= 19, `${turns} turns`);
  assert(worker.current.isReady(sha256Of(content) as CoreKey));
  await worker.send(content);
  assert.deepEqual(worker.answers, ["sent", "sent"]);
});

/** One connection's core, with a store in memory, and processes that load it at once. */
class Changing {
  readonly answers: string[] = [];
  readonly loads: CoreKey[] = [];
  readonly current: CurrentCore;
  readonly #contents: ContentStore;
  readonly changes: CoreChanges;

  /** `problem`: why no core can be loaded. */
  constructor(problem?: string) {
    const { files } = new MemoryDisk();
    files.makeFolderSync(FOLDER);
    this.#contents = new ContentStore(files, FOLDER);
    const store = new CoreStore(files, FOLDER, { contents: this.#contents });
    this.current = new CurrentCore({
      onOutcome: () => {},
      onReleased: (core) => store.release(core),
    });
    const trials = new SharedTrials(({ key }) => {
      this.loads.push(key);
      return problem === undefined ? Promise.resolve() : Promise.reject(new Error(problem));
    });
    const coreLock = new CoreLock(systemClock, () => false);
    this.changes = new CoreChanges(this.current, { store, trials, room: ROOM, coreLock }, {
      send: (frame) => void this.answers.push(missingIn(frame)),
      sendError: (_id, _kind, text) => void this.answers.push(text),
    });
  }

  key(variables: readonly Variable[] = []): CoreKey {
    return setupKey(setupOf(variables), sha256Of) as CoreKey;
  }

  choose(variables: readonly Variable[] = [], core?: string): Promise<boolean> {
    const setup = setupOf(variables, core);
    const message = { type: "setup", id: 1, name: "a name", setup, initMs: 0 } as const;
    return this.changes.onMessage(message, 100);
  }

  async send(content: Uint8Array<ArrayBuffer>): Promise<void> {
    const message = { type: "core", id: 1, name: "a name", content } as const;
    await this.changes.onMessage(message, content.byteLength);
  }

  async keep(content: Uint8Array): Promise<void> {
    const unfinished = await this.#contents.begin(sha256Of(content), content.byteLength);
    await unfinished.append(content);
    await unfinished.finish();
    this.#contents.add(unfinished.content);
  }

  async storeBoth(): Promise<void> {
    await this.keep(ECHO);
    await this.keep(DATA);
  }
}

function setupOf(variables: readonly Variable[], core = sha256Of(ECHO)): CoreSetup {
  const files = [{ path: "data", digest: sha256Of(DATA), bytes: DATA.byteLength }];
  return { core, path: "core.so", files, variables };
}

function missingIn(frame: Uint8Array<ArrayBuffer>): string {
  if (frame.byteLength === HEADER_BYTES) return "sent"; // to a core, not to a setup
  const decoder = new FrameDecoder();
  decoder.space().set(frame);
  decoder.commit(frame.byteLength);
  return decodeSetupResponse(decoder.next()?.payload ?? new Uint8Array(0)).join();
}
