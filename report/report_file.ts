/** Writes a report into a file: as a whole or not at all, and never over anything that is not a report. */

import type { Files } from "../runtime/files/files.ts";
import { codeOf, reasonOf } from "../runtime/error_text.ts";
import { basename, dirname, join } from "../runtime/files/path.ts";
import type { Runtime } from "../runtime/ports.ts";

/** The file cannot be written. */
class ReportFileError extends Error {
  override name = "ReportFileError";
}

/** Writes the page. An earlier report is replaced; it begins with `start`. */
export async function writeReport(
  { files, random }: Pick<Runtime, "files" | "random">,
  path: string,
  page: string,
  start: string,
): Promise<void> {
  const isReplaced = await isReport(files, path, start);
  const temporary = join(dirname(path), `.${basename(path)}.${random.hex(8)}.unfinished`);
  try {
    try {
      await files.create(temporary, page);
      if (isReplaced) await files.rename(temporary, path);
      else await moveToNew(files, temporary, path);
    } finally {
      await files.remove(temporary);
    }
  } catch (cause) {
    if (cause instanceof ReportFileError) throw cause;
    throw new ReportFileError(`Cannot write the report "${path}": ${reasonOf(cause)}`, { cause });
  }
}

/** Whether there is a report. Throws if there is anything else. */
async function isReport(files: Files, path: string, start: string): Promise<boolean> {
  const info = await files.info(path).catch((error) => {
    if (codeOf(error) === "ENOENT") return undefined;
    throw new ReportFileError(`Cannot write the report "${path}": ${reasonOf(error)}`, {
      cause: error,
    });
  });
  if (!info) return false;
  if (info.kind === "file" && await beginsWith(files, path, start)) return true;
  throw noReport(path);
}

async function beginsWith(files: Files, path: string, start: string): Promise<boolean> {
  const wanted = new TextEncoder().encode(start);
  const found = new Uint8Array(wanted.byteLength);
  const file = await files.openToRead(path, "refused");
  try {
    const bytes = await file.read(found, 0);
    return bytes === wanted.byteLength && wanted.every((byte, at) => byte === found[at]);
  } finally {
    await file.close();
  }
}

/** Gives the file its name, unless another one has just got it. */
async function moveToNew(files: Files, temporary: string, path: string): Promise<void> {
  try {
    await files.link(temporary, path);
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw noReport(path);
    await files.rename(temporary, path); // a file system without hard links
  }
}

function noReport(path: string): ReportFileError {
  return new ReportFileError(
    `Cannot write the report "${path}": it exists and is not a report; choose another name with -o`,
  );
}
