/** Operations that write files, by `node:fs`. A file counts as written once it could be closed. */

import { Buffer } from "node:buffer";
import { constants, openSync, writeFileSync, writeSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import type { FileClosing } from "./file_closing.ts";
import type { Files, LinkRule, OpenFile } from "./files.ts";
import { nativePath } from "./native_path.ts";
import { SystemFile } from "./system_file.ts";

const { O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;

/** How files are written. */
export interface WritingOptions {
  /** How they are closed; missing where closing cannot fail. */
  readonly closing?: () => FileClosing;
  /** Lets a runtime append in its own way. */
  readonly appending?: (file: SystemFile) => OpenFile;
}

/** Nobody waits for the other end of a pipe that lies where a file should be. Files do not know `O_NONBLOCK`. */
export function flagsOf(links: LinkRule = "followed"): number {
  return links === "refused" ? O_NOFOLLOW | O_NONBLOCK : 0;
}

/** The operations. */
export function writtenFiles(
  { closing, appending = (file) => file }: WritingOptions,
): Pick<Files, "create" | "createSync" | "openToAppend"> {
  const opened = async (path: string, flags: number, mode?: number) =>
    appending(new SystemFile(await open(nativePath(path), flags, mode), closing?.()));
  return {
    openToAppend: (path, isEmptied, mode, links) =>
      opened(path, O_RDWR | O_CREAT | (isEmptied ? O_TRUNC : O_APPEND) | flagsOf(links), mode),
    create: closing
      ? async (path, content, mode) =>
        await writeAndClose(await opened(path, O_RDWR | O_CREAT | O_EXCL, mode), content)
      : (path, content, mode) => writeFile(nativePath(path), content, newFile(mode)),
    createSync: closing
      ? (path, content, mode) => createSync(path, content, mode, closing())
      : (path, content, mode) => writeFileSync(nativePath(path), content, newFile(mode)),
  };
}

async function writeAndClose(file: OpenFile, content: Uint8Array | string): Promise<void> {
  try {
    await file.append(typeof content === "string" ? Buffer.from(content) : content);
  } catch (error) {
    await file.close().catch(() => {}); // the first error is the one to report
    throw error;
  }
  await file.close();
}

function createSync(
  path: string,
  content: Uint8Array,
  mode: number | undefined,
  closing: FileClosing,
): void {
  const fd = openSync(nativePath(path), "wx", mode);
  try {
    for (let at = 0; at < content.byteLength;) at += writeSync(fd, content, at);
  } catch (error) {
    closeQuietly(closing, fd, path);
    throw error;
  }
  closing.closeSync(fd, path);
}

function closeQuietly(closing: FileClosing, fd: number, path: string): void {
  try {
    closing.closeSync(fd, path);
  } catch {
    // The first error is the one to report.
  }
}

function newFile(mode = 0o666): { readonly flag: "wx"; readonly mode: number } {
  return { flag: "wx", mode };
}
