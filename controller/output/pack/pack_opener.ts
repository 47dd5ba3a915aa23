/** Opens packs: plain ones, and those that are packed with zstd. */

import type { Buffer } from "node:buffer";
import type { OpenFile } from "../../../runtime/files/files.ts";
import type { FolderFiles } from "../../../runtime/files/files_below.ts";
import { chunksOf } from "../file_chunks.ts";
import { type PackFile, PlainPackFile } from "./pack_file.ts";
import { unzstd } from "./zstd_unpacking.ts";
import { ZstdPackFile } from "./zstd_pack_file.ts";

/** Opens a pack to append to it. It may be new. */
export async function openPackFile(
  files: FolderFiles,
  path: string,
  isZstd: boolean,
): Promise<PackFile> {
  return await opened(files, path, isZstd, await files.openToAppend(path, false));
}

/** Opens a pack to read it. */
export async function openPackToRead(
  files: FolderFiles,
  path: string,
  isZstd: boolean,
): Promise<PackFile> {
  return await opened(files, path, isZstd, await files.openToRead(path));
}

async function opened(
  files: FolderFiles,
  path: string,
  isZstd: boolean,
  file: OpenFile,
): Promise<PackFile> {
  try {
    return isZstd
      ? await ZstdPackFile.open(file, chunksOf(files, path))
      : await PlainPackFile.open(file);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The content of a pack, in chunks that are valid until the next one. */
export function packChunks(
  files: FolderFiles,
  path: string,
  isZstd: boolean,
): AsyncIterable<Buffer> {
  return isZstd ? unzstd(chunksOf(files, path)) : chunksOf(files, path);
}
