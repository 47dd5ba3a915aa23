/** Watches one connection for the worker: how much it holds, whether it is idle, and why it cannot stay. */

import type { Link } from "../../link/link.ts";
import type { LinkCompression } from "../../link/link_compression.ts";
import { Silence } from "../../link/silence.ts";
import { UnfinishedMessages } from "../../link/unfinished_messages.ts";
import type { ConnectionBacklog, FlowControl } from "./flow_control.ts";
import type { Holder } from "./held_bytes.ts";
import { type NotifiedLink, UnreadNotices } from "./unread_notices.ts";

/**
 * How long a controller may read nothing of an output that is only in its core's memory: the slot waits for it, and can
 * do nothing else. It is as long as a file server may be away to which the controller writes.
 */
const UNREAD_OUTPUT_MS = 300_000;

/** A connection makes way for another one only if it has been silent for this long, over several polls. */
const SILENT_MS_MIN = 500;

/** A link, as far as it is watched. */
interface WatchedLink
  extends
    Pick<Link, "close" | "closeIfSilent" | "reception" | "signsOfLife" | "waitsSinceMs">,
    NotifiedLink {
  readonly compression: Pick<LinkCompression, "sourceBytes">;
}

/** The watch of one connection. */
export class ConnectionWatch implements Holder {
  readonly #link: WatchedLink;
  readonly #backlog: ConnectionBacklog;
  readonly #flow: Pick<FlowControl, "isPaused" | "squeeze">;
  readonly #silence = new Silence();
  readonly #reading = new Silence();
  readonly #unfinished: UnfinishedMessages;
  readonly #unread: UnreadNotices;
  #silentMs = 0;

  constructor(
    link: WatchedLink,
    backlog: ConnectionBacklog,
    flow: Pick<FlowControl, "isPaused" | "squeeze">,
  ) {
    this.#link = link;
    this.#backlog = backlog;
    this.#flow = flow;
    this.#unfinished = new UnfinishedMessages(link);
    this.#unread = new UnreadNotices(link);
  }

  /**
   * Closes the connection if it cannot stay. Call it several times a second. `silentMsMax`: how long its version allows
   * the controller to be silent.
   */
  check(nowMs: number, silentMsMax: number): void {
    this.#silentMs = this.#silence.poll(this.#link.signsOfLife, !this.#flow.isPaused, nowMs);
    const isUnread = this.#unreadMs(nowMs) >= UNREAD_OUTPUT_MS;
    const unfinished = this.#unfinished.poll(nowMs);
    if (unfinished !== undefined) this.giveUp(unfinished);
    else if (isUnread) {
      this.giveUp(`it has read nothing of an output for ${UNREAD_OUTPUT_MS / 1000}s`);
    } else if (this.#silentMs >= silentMsMax) {
      void this.#link.closeIfSilent(`it was silent for ${silentMsMax / 1000}s`);
    }
  }

  /** The controller, which speaks version 2, is not read. Call it several times a second. */
  onUnread(nowMs: number): void {
    this.#unread.onTick(nowMs);
  }

  /** How long it has read nothing while a slot waits for that. */
  #unreadMs(nowMs: number): number {
    const { compression, waitsSinceMs } = this.#link;
    const isWaiting = waitsSinceMs !== undefined && compression.sourceBytes > 0;
    return this.#reading.poll(waitsSinceMs ?? 0, isWaiting, nowMs);
  }

  /** Whether it waits for nothing from this worker, and no slot waits for it. */
  get isIdle(): boolean {
    const { jobs, cores, parts } = this.#backlog;
    const isSending = this.#link.compression.sourceBytes > 0;
    return !isSending && jobs.count + cores.count + parts.count === 0;
  }

  /**
   * Whether it may make way for a new connection. What a new one has sent at once is read by then, also if this process
   * gets little of its machine.
   */
  get mayMakeWay(): boolean {
    return this.isIdle && this.#silentMs >= SILENT_MS_MIN;
  }

  /** How long nothing has come from it; `Infinity` before its first message. */
  get idleMs(): number {
    return this.#link.reception.frames === 0 ? Infinity : this.#silentMs;
  }

  get heldBytes(): number {
    const { jobs, cores, parts, unreadBytes } = this.#backlog;
    return this.#link.reception.allocatedBytes + jobs.bytes + cores.bytes + parts.bytes +
      unreadBytes;
  }

  get bytesPerMs(): number {
    return this.#unfinished.bytesPerMs;
  }

  get arrivingMs(): number {
    return this.#unfinished.begunMs;
  }

  get isLoading(): boolean {
    return this.#backlog.cores.count > 0;
  }

  giveUp(reason: string): void {
    this.#link.close(new Error(reason));
  }

  squeeze(isSqueezed: boolean, shareBytes: number): void {
    this.#flow.squeeze(isSqueezed, shareBytes);
  }
}
