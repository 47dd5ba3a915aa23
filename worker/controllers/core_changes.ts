/**
 * Changes a connection's core when its controller sends or chooses another one: stores it, tries whether it can
 * be loaded, and responds.
 */

import { inspectCore, reasonNotToLoad } from "../../core/inspect.ts";
import type { CoreKey } from "../../pool/types.ts";
import {
  type CoreSetup,
  encodeChooseResponse,
  encodeCoreResponse,
  encodeSetupResponse,
  type FailureKindName,
  isBare,
  isMessageType,
  type Message2,
  MessageType,
  setupKey,
  type Uint64,
  UNANSWERED_CORES_MAX,
} from "../../protocol/mod.ts";
import { messageOf } from "../../runtime/error_text.ts";
import { HASHED_AT_ONCE_BYTES_MAX, sha256InTurns, sha256Of } from "../../system/sha256.ts";
import { host } from "../../system/host.ts";
import type { SharedTrials } from "../cores/shared_trials.ts";
import { coreName } from "../cores/core_name.ts";
import type { DiskRoom } from "../cores/disk_room.ts";
import type { CoreStore } from "../cores/core_store.ts";
import { StoredCore } from "../cores/stored_core.ts";
import type { ArrivingCore, CoreFile } from "../cores/arriving_core.ts";
import type { CoreLock } from "../cores/core_lock.ts";
import { LoadError } from "../cores/load_error.ts";
import type { CoreOutcome, CurrentCore } from "./current_core.ts";

/** Why jobs fail whose core was chosen and is not stored. */
const NOT_STORED = "The chosen compute core is not stored on this worker; send it first";

/** The outcome of such a choice. */
const MISSING: CoreOutcome = { name: "none", reason: NOT_STORED };

/** A message with a core that was written to the disk as it arrived. */
export interface LargeCoreMessage {
  readonly type: "large core";
  readonly id: Uint64;
  readonly name: string;
  readonly arrived: ArrivingCore;
}

export function largeCore(id: Uint64, arrived: ArrivingCore): LargeCoreMessage {
  return { type: "large core", id, name: arrived.name, arrived };
}

/** The messages that make another core current. */
export type CoreMessage =
  | Extract<Message2, { type: "core" | "choose" | "setup" }>
  | LargeCoreMessage;

/** Their types. */
const CORE_TYPES: ReadonlySet<number> = new Set([
  MessageType.core,
  MessageType.choose,
  MessageType.setup,
]);

/** A larger core is not looked at in memory before it is loaded: the loader says what is wrong with it. */
const INSPECTED_BYTES_MAX = 64 * 1024 * 1024;

type CoreChoice = Extract<CoreMessage, { type: "choose" | "setup" }>;

function isChoice(message: CoreMessage): message is CoreChoice {
  return message.type === "choose" || message.type === "setup";
}

/** Sends the responses. */
export interface CoreResponder {
  /** Sends a whole frame. */
  send(frame: Uint8Array<ArrayBuffer>): void;
  sendError(id: Uint64, kind: FailureKindName, text: string): void;
}

/** What the changes of all connections share. */
export interface CoreContext {
  readonly store: CoreStore;
  readonly trials: SharedTrials;
  readonly room: DiskRoom;
  readonly coreLock: CoreLock;
}

/** Changes the core of one connection. */
export class CoreChanges {
  readonly #current: CurrentCore;
  readonly #context: CoreContext;
  readonly #responder: CoreResponder;
  readonly #closing = new AbortController();
  /** How long the core may load that the controller has chosen last, which it sends now if it is not stored. */
  #initMs = 0;
  #trying = 0;
  /** One read may bring any number of cores. A few are tried at a time; the others wait in order. */
  readonly #waiting: (() => void)[] = [];

  constructor(current: CurrentCore, context: CoreContext, responder: CoreResponder) {
    this.#current = current;
    this.#context = context;
    this.#responder = responder;
  }

  /**
   * Makes the core of the message current. Resolves when it is known whether it can be loaded: to true if contents
   * are missing, which the controller sends now.
   */
  async onMessage(message: CoreMessage, bytes: number): Promise<boolean> {
    const key = coreKeyOf(message);
    if (isChoice(message)) this.#initMs = message.initMs;
    if (key !== undefined && this.#current.isReady(key) && this.#context.store.has(key)) {
      this.#respond(message, []);
      return false;
    }
    // The new core is acquired before the old one is released: the same one, sent again, stays in use.
    const loaded = this.#load(message, key);
    await this.#current.change(loaded, bytes);
    return await loaded === MISSING;
  }

  /**
   * A message is answered with an error, whatever is in it. If it should have brought a core, jobs behind it must not
   * run with the one before.
   */
  onRefused(type: number, version: number, reason: string): void {
    if (!CORE_TYPES.has(type) || !isMessageType(type, version)) return;
    this.#current.drop(`Cannot load the compute core that was sent last: ${reason}`);
  }

  /** The connection is closed: its trials are abandoned. */
  close(): void {
    this.#closing.abort(new Error("The controller has disconnected"));
  }

  /** `key`: of its core, unless that is large. */
  async #load(message: CoreMessage, key: CoreKey | undefined): Promise<CoreOutcome> {
    try {
      const found = await this.#findIntact(message, key);
      if (found instanceof StoredCore) {
        this.#respond(message, []);
        return { name: "ready", core: found };
      }
      this.#respond(message, found);
      return MISSING;
    } catch (error) {
      const cause = messageOf(error);
      const reason = `Cannot load compute core "${coreName(message.name)}": ${cause}`;
      this.#responder.sendError(message.id, "core", reason);
      return { name: "none", reason };
    }
  }

  /** Like `#find`. A core whose files were changed on this worker is as good as one that is not stored. */
  async #findIntact(message: CoreMessage, key?: CoreKey): Promise<StoredCore | readonly string[]> {
    try {
      return await this.#find(message, key);
    } catch (error) {
      const isDamaged = error instanceof LoadError && error.kind === "damaged";
      if (!isDamaged || message.type === "large core") throw error;
      return await this.#find(message, key);
    }
  }

  /** Returns the core once it has passed its trial, or the contents that are missing for a chosen one. */
  async #find(message: CoreMessage, key?: CoreKey): Promise<StoredCore | readonly string[]> {
    const { coreLock } = this.#context;
    if (message.type === "large core") {
      const file = await message.arrived.finish(); // which takes the lock itself
      return await this.#tried(await coreLock.run(() => this.#storeFile(message, file)));
    }
    const found = await coreLock.run(() => this.#store(message, key));
    return found instanceof StoredCore ? await this.#tried(found) : found;
  }

  /** Stores the core, or finds what is stored of a chosen one. Counts one more user of it. */
  async #store(
    message: Exclude<CoreMessage, LargeCoreMessage>,
    key?: CoreKey,
  ): Promise<StoredCore | readonly string[]> {
    this.#closing.signal.throwIfAborted(); // others do not wait for what nobody wants
    const { store, room } = this.#context;
    if (message.type === "core") {
      const { name, content } = message;
      inspect(content);
      const known = key ?? await sha256InTurns(content) as CoreKey;
      const giveBack = room.take(store.has(known) ? 0 : content.byteLength);
      return await store.add(name, content, known).finally(giveBack);
    }
    const setup = setupOf(message);
    const found = await store.addSetup(setupKeyOf(setup), setup, message.name);
    if (found instanceof StoredCore && !isBare(setup)) await this.#inspect(found);
    return found;
  }

  async #storeFile({ name, arrived }: LargeCoreMessage, file: CoreFile): Promise<StoredCore> {
    if (this.#closing.signal.aborted) arrived.release();
    this.#closing.signal.throwIfAborted();
    const core = await this.#context.store.addFile(name, file);
    await this.#inspect(core);
    return core;
  }

  /** Checks that this machine can load a stored core. If it cannot, releases the core and throws the reason. */
  async #inspect(core: StoredCore): Promise<void> {
    const { store } = this.#context;
    try {
      this.#closing.signal.throwIfAborted();
      if ((core.laidOut[0]?.bytes ?? 0) <= INSPECTED_BYTES_MAX) inspect(await store.content(core));
    } catch (error) {
      store.release(core);
      throw error;
    }
  }

  async #tried(core: StoredCore): Promise<StoredCore> {
    // If others use the core as well, the longest limit counts: it must not fail for one of them too early.
    const others = core.users > 1 ? core.initMs : 0;
    if (this.#initMs > 0) core.initMs = Math.max(this.#initMs, others);
    if (this.#trying < UNANSWERED_CORES_MAX) this.#trying += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      await this.#context.trials.passed(core, this.#closing.signal);
      return core;
    } catch (error) {
      this.#context.store.release(core);
      throw error;
    } finally {
      const next = this.#waiting.shift();
      if (next) next(); // it takes over this one's place
      else this.#trying -= 1;
    }
  }

  /** The core is loaded, unless contents are missing for it. */
  #respond({ type, id }: CoreMessage, missing: readonly string[]): void {
    this.#responder.send(
      type === "core" || type === "large core"
        ? encodeCoreResponse(id)
        : type === "choose"
        ? encodeChooseResponse(id, missing.length === 0)
        : encodeSetupResponse(id, missing),
    );
  }
}

/** The key of a message's core; `undefined` if it is so large that it is hashed later, piece by piece. */
function coreKeyOf(message: CoreMessage): CoreKey | undefined {
  if (message.type === "large core") return undefined;
  if (message.type !== "core") return setupKeyOf(setupOf(message));
  const { content } = message;
  return content.byteLength > HASHED_AT_ONCE_BYTES_MAX ? undefined : sha256Of(content) as CoreKey;
}

function setupKeyOf(setup: CoreSetup): CoreKey {
  return setupKey(setup, sha256Of) as CoreKey;
}

/** A core that is chosen alone is a setup without anything else. */
function setupOf(message: CoreChoice): CoreSetup {
  if (message.type === "setup") return message.setup;
  return { core: message.core, path: "", files: [], variables: [] };
}

/** Throws the reason why a core cannot be loaded on this machine, if its file shows one. */
function inspect(content: Uint8Array): void {
  const reason = reasonNotToLoad(inspectCore(content), host());
  if (reason) throw new Error(reason);
}
