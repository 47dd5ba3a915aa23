/** Sessions with scripted workers, and what their tests share. */

import { Session, type SessionOptions } from "../../../mod.ts";
import type { ScriptedWorker2 } from "../../fixtures/peers/scripted_worker_2.ts";
import { WAIT_LIMIT_MS } from "../../lib/processes.ts";

/** A session with these workers. They do not load the core. */
export function sessionWith(
  workers: readonly ScriptedWorker2[],
  options: Partial<SessionOptions> = {},
): Promise<Session> {
  const addresses = workers.map(({ port }) => `127.0.0.1:${port}`);
  return Session.open({ core: new Uint8Array(1), workers: addresses, ...options });
}

/** Text as bytes. */
export const encode = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

/** Bytes as text. */
export const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Rejects what does not settle: a test that waited for it would not end. */
export function soon<T>(promise: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("It has not settled")), WAIT_LIMIT_MS);
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer));
}

/**
 * Closes a session at the end of a test at once. Otherwise jobs that no worker answers would keep it open where the test
 * fails.
 */
export function closedAtOnce(session: Session): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => session.close() };
}
