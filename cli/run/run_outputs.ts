/** The outputs that the command line names: a folder, or a pack. */

import { JOURNAL, packStateOf, STATE_FOLDER } from "../../controller/output/state_folder.ts";
import { type FolderOptions, OutputFolder } from "../../controller/output/output_folder.ts";
import { OutputPack } from "../../controller/output/pack/output_pack.ts";
import type { Outputs } from "../../controller/output/outputs.ts";
import type { PackFormat } from "../../controller/output/pack/pack_entry.ts";
import { PACK_ENDINGS, packFormatOf } from "../../controller/output/pack/pack_format.ts";
import { dirname, join } from "../../runtime/files/path.ts";
import type { Runtime } from "../../runtime/ports.ts";
import type { RunFlags } from "./run_options.ts";
import { UsageError } from "../program/usage_error.ts";

/** What the command line says about outputs. */
export type OutputFlags = Pick<RunFlags, "output" | "pack">;

/** Opens the folder or the pack. */
export async function openOutputs(
  runtime: Runtime,
  { output, pack }: OutputFlags,
  options: FolderOptions,
): Promise<Outputs> {
  if (pack === undefined) return await OutputFolder.open(runtime, output, options);
  return await OutputPack.open(runtime, pack, { ...options, format: packFormatIn(pack) });
}

/** The format that the name of a pack says. */
export function packFormatIn(pack: string): PackFormat {
  const format = packFormatOf(pack);
  if (format) return format;
  throw new UsageError(
    `--pack must name a file that ends with one of ${PACK_ENDINGS.join(" ")}, not "${pack}"`,
  );
}

/** The folder or the file, for messages. */
export function nameOf({ output, pack }: OutputFlags): string {
  return pack ?? output;
}

/** The folder below which a run writes. */
export function rootOf({ output, pack }: OutputFlags): string {
  return pack === undefined ? output : dirname(pack);
}

/** The folder of the journal and what else belongs to the outputs. */
export function stateOf({ output, pack }: OutputFlags): string {
  return pack === undefined ? join(output, STATE_FOLDER) : packStateOf(pack);
}

/** The journal. */
export function journalOf(flags: OutputFlags): string {
  return join(stateOf(flags), JOURNAL);
}
