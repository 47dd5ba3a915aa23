/** Receives the contents of files that a controller sends for a setup. */

import { type ContentPart, encodeDone, type Message2 } from "../../protocol/mod.ts";
import { messageOf } from "../../runtime/error_text.ts";
import type { ContentStore, StoredContent, UnfinishedContent } from "../cores/content_store.ts";
import type { CoreResponder } from "./core_changes.ts";

/** A message with a part of a file. */
export type ContentMessage = Extract<Message2, { type: "content" }>;

/** Receives the contents that one controller sends, and keeps them in the store until they are part of a setup. */
export class ContentReceiver {
  readonly #store: ContentStore;
  readonly #responder: CoreResponder;
  readonly #held: StoredContent[] = [];
  #unfinished: UnfinishedContent | undefined;
  /** The part that is being written: parts are written one after another. */
  #writing: Promise<void> = Promise.resolve();
  #count = 0;
  #bytes = 0;

  constructor(store: ContentStore, responder: CoreResponder) {
    this.#store = store;
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
      const reason = `Cannot store a file for a compute core: ${messageOf(error)}`;
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
    await this.#writing;
    this.release();
    await this.#discard().catch(() => {}); // it goes with the worker's folder
  }

  async #write(content: ContentPart): Promise<void> {
    const { digest, bytes, offset, part } = content;
    if (offset === 0) {
      await this.#discard();
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
    this.#store.add(unfinished.content);
    this.#held.push(unfinished.content);
  }

  async #discard(): Promise<void> {
    const unfinished = this.#unfinished;
    if (!unfinished) return;
    this.#unfinished = undefined;
    await unfinished.close().catch(() => {}); // `finish` may have closed it
    await this.#store.discard(unfinished.content);
  }
}
