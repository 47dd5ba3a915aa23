/** Receives the contents of files that a controller sends for a setup. */

import {
  type ContentPart,
  encodeDone,
  type Message2,
  SETUP_FILES_MAX,
} from "../../protocol/mod.ts";
import { reasonOf } from "../../runtime/error_text.ts";
import { sizeText } from "../../system/size_text.ts";
import type { DiskRoom } from "../cores/disk_room.ts";
import type { ContentStore, StoredContent, UnfinishedContent } from "../cores/content_store.ts";
import type { CoreResponder } from "./core_changes.ts";

/** A message with a part of a file. */
export type ContentMessage = Extract<Message2, { type: "content" }>;

/** A controller sends the contents of one setup at a time: its core and the files beside it. */
const HELD_MAX = SETUP_FILES_MAX + 1;

/** No temporary folder has room for more. */
const HELD_BYTES_MAX = 64 * 1024 ** 3;

/** Receives the contents that one controller sends, and keeps them in the store until they are part of a setup. */
export class ContentReceiver {
  readonly #store: ContentStore;
  readonly #responder: CoreResponder;
  readonly #room: DiskRoom;
  readonly #held: StoredContent[] = [];
  #unfinished: UnfinishedContent | undefined;
  /** Gives back the room that was kept for the unfinished content. */
  #giveBack = () => {};
  /** The part that is being written: parts are written one after another. */
  #writing: Promise<void> = Promise.resolve();
  #count = 0;
  #bytes = 0;
  #isClosed = false;

  constructor(store: ContentStore, room: DiskRoom, responder: CoreResponder) {
    this.#store = store;
    this.#room = room;
    this.#responder = responder;
  }

  /** How many parts are not written yet. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of the parts that are not written yet. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a part. Resolves when it is written and answered. */
  async onMessage({ id, content }: ContentMessage): Promise<void> {
    const { byteLength } = content.part;
    this.#count += 1;
    this.#bytes += byteLength;
    const written = this.#writing.then(() => this.#write(content));
    this.#writing = written.catch(() => {}); // the next part begins after it, however it has ended
    try {
      await written;
      this.#responder.send(encodeDone(id));
    } catch (error) {
      const reason = `Cannot store a file for a compute core: ${reasonOf(error)}`;
      this.#responder.sendError(id, "core", reason);
    } finally {
      this.#count -= 1;
      this.#bytes -= byteLength;
    }
  }

  /** The contents that were received are no longer needed, except by those who use them now. */
  release(): void {
    for (const content of this.#held.splice(0)) this.#store.release(content);
  }

  /** The connection is closed. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#writing;
    this.release();
    await this.#discard().catch(() => {}); // it goes with the worker's folder
  }

  async #write(content: ContentPart): Promise<void> {
    if (this.#isClosed) throw new Error("its connection is closed");
    const { digest, bytes, offset, part } = content;
    if (offset === 0) {
      await this.#discard();
      this.#checkRoom(bytes);
      this.#giveBack = this.#room.take(bytes);
      this.#unfinished = await this.#store.begin(digest, bytes);
    }
    const unfinished = this.#unfinished;
    if (!unfinished?.isNext(content)) {
      throw new Error(`the part from ${offset} on does not follow the one before it`);
    }
    try {
      await unfinished.append(part);
      if (!unfinished.isComplete) return;
      await unfinished.finish();
    } catch (error) {
      await this.#discard().catch(() => {}); // the first error is the one to report
      throw error;
    }
    this.#unfinished = undefined;
    this.#giveBack();
    this.#held.push(this.#store.add(unfinished.content));
  }

  /** Bounds what a controller can store that never chooses a setup. */
  #checkRoom(bytes: number): void {
    const held = this.#held.reduce((sum, content) => sum + content.bytes, bytes);
    if (held > HELD_BYTES_MAX || this.#held.length >= HELD_MAX) {
      throw new Error(
        `this worker takes at most ${HELD_MAX} files of ${
          sizeText(HELD_BYTES_MAX)
        } in all for one core`,
      );
    }
  }

  async #discard(): Promise<void> {
    this.#giveBack();
    const unfinished = this.#unfinished;
    if (!unfinished) return;
    this.#unfinished = undefined;
    await unfinished.close().catch(() => {}); // it is removed anyway
    await this.#store.discard(unfinished.content);
  }
}
