/** What a controller sends about cores: which one is current, and the contents of files for one. */

import type { ConnectionContext } from "./connection_context.ts";
import { type ContentMessage, ContentReceiver } from "./content_receiver.ts";
import { CoreChanges, type CoreMessage, type CoreResponder } from "./core_changes.ts";
import type { CurrentCore } from "./current_core.ts";

/** Handles these messages of one connection. */
export class CoreMessages {
  readonly #changes: CoreChanges;
  readonly #contents: ContentReceiver;

  constructor(current: CurrentCore, context: ConnectionContext, responder: CoreResponder) {
    this.#changes = new CoreChanges(current, context, responder);
    this.#contents = new ContentReceiver(context.contents, context.room, responder);
  }

  /** Parts of files that are not written yet. */
  get parts(): Pick<ContentReceiver, "count" | "bytes"> {
    return this.#contents;
  }

  /** Another core, or a part of a file for one. Resolves when it is answered. */
  onMessage(message: CoreMessage | ContentMessage, bytes: number): Promise<void> {
    return message.type === "content"
      ? this.#contents.onMessage(message)
      : this.#change(message, bytes);
  }

  /** What was received stays until it is part of a setup: the controller may have to send more of it. */
  async #change(message: CoreMessage, bytes: number): Promise<void> {
    const isMissingContents = await this.#changes.onMessage(message, bytes);
    if (!isMissingContents) this.#contents.release();
  }

  /** See `CoreChanges.onRefused`. */
  onRefused(type: number, version: number, reason: string): void {
    this.#changes.onRefused(type, version, reason);
  }

  /** The connection is closed. */
  close(): void {
    this.#changes.close();
    void this.#contents.close();
  }
}
