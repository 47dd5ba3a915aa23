/** The files that `check` and `bench` read whole: not `-`, and no folders. */

import { stat } from "node:fs/promises";
import { reasonOf } from "../../runtime/error_text.ts";
import { UsageError } from "../program/usage_error.ts";

/** Rejects with a `UsageError` unless `path` is a file. `what`: what it is for the command. */
export async function checkIsFile(what: "core" | "input", path: string): Promise<void> {
  const why = await whyNoFile(path);
  if (why !== undefined) throw new UsageError(`Cannot read ${what} "${path}": ${why}`);
}

async function whyNoFile(path: string): Promise<string | undefined> {
  if (path === "-") return "stdin is not taken here; name a file";
  try {
    const info = await stat(path);
    if (info.isFile()) return undefined;
    return info.isDirectory() ? "it is a folder; name a file" : "it is not a file";
  } catch (error) {
    return reasonOf(error);
  }
}
