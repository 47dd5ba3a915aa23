/** The files of a core, as they are typed: one, or one for each platform with commas between them. */

import { stat } from "node:fs/promises";
import { UsageError } from "../program/usage_error.ts";

/** The files that `text` names. A file whose name has a comma is one file. */
export async function coreFilesOf(text: string): Promise<readonly string[]> {
  if (!text.includes(",") || await exists(text)) return [text];
  const files = text.split(",");
  if (files.every((file) => file !== "")) return files;
  throw new UsageError(`The core "${text}" has an empty entry; separate files by single commas`);
}

function exists(file: string): Promise<boolean> {
  return stat(file).then(() => true, () => false);
}
