/** Opens the page of a run or a worker, if it was asked for. */

import { readFile, stat } from "node:fs/promises";
import { messageOf, reasonOf } from "../../runtime/error_text.ts";
import { isLoopback } from "../../link/address.ts";
import type { Runtime } from "../../runtime/ports.ts";
import type { GuardedRuntime } from "../../security/guarded_runtime.ts";
import type { Role } from "../../security/role.ts";
import type { Log } from "../../system/log.ts";
import type { Snapshot } from "../../watch/snapshot.ts";
import { UsageError } from "../program/usage_error.ts";
import type { WebFlags } from "../options/web_options.ts";

/** A shorter token could be guessed. */
const TOKEN_CHARS_MIN = 16;

/** What a page is made of. */
export interface PageParts {
  readonly role: Role;
  readonly collect: () => Snapshot;
  readonly log: Log;
  /** Writes a line to the terminal, and stores it nowhere. */
  print(line: string): void;
  /** What programs that read `/metrics` have to say. */
  readonly bearer: string | undefined;
}

/** A page that is open. */
export interface OpenPage {
  /** Nothing changes any more. Resolves when those who look have seen it. */
  end(): Promise<void>;
}

/** The options that matter here. */
interface PageFlags extends WebFlags {
  readonly key?: string;
  readonly insecure?: boolean;
}

/** Opens it. `undefined` if nobody asks for it. Rejects if it cannot be served. */
export async function openPage(
  runtime: GuardedRuntime,
  { web, key, insecure }: PageFlags,
  parts: PageParts,
): Promise<OpenPage | undefined> {
  if (!web) return undefined;
  if (!insecure && !isLoopback(web)) await runtime.openKey();
  const { PageServer } = await import("../../web/server.ts");
  return await PageServer.open(runtime.unguarded, {
    address: web,
    key,
    insecure,
    ...parts,
  });
}

/** Throws if the page cannot be served there. To be called before anything is made. */
export async function checkPage(runtime: Runtime, { web }: WebFlags): Promise<void> {
  if (!web) return;
  const { listenForPage } = await import("../../web/page_listener.ts");
  try {
    listenForPage(runtime, web).close();
  } catch (cause) {
    throw new UsageError(messageOf(cause), { cause });
  }
}

/** The token of `--web-token`, if it is given. Rejects if it cannot be used. To be called before anything is made. */
export async function webTokenOf({ web, webToken }: WebFlags): Promise<string | undefined> {
  if (webToken === undefined) return undefined;
  if (!web) throw new UsageError("--web-token is for a page; add --web");
  return await tokenIn(webToken);
}

async function tokenIn(path: string): Promise<string> {
  const token = (await textIn(path)).trim();
  if (token.length >= TOKEN_CHARS_MIN && !/\s/.test(token)) return token;
  throw new UsageError(
    `The file "${path}" needs one word of at least ${TOKEN_CHARS_MIN} characters; ` +
      "make it with: (umask 077; openssl rand -hex 16 >FILE)",
  );
}

async function textIn(path: string): Promise<string> {
  try {
    const info = await stat(path);
    if (!info.isFile() && !info.isDirectory()) throw new Error("it is not a file"); // a pipe would block
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new UsageError(`Cannot read the token "${path}": ${reasonOf(cause)}`, { cause });
  }
}
