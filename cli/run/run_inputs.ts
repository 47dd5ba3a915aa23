/** The inputs that the command line names: files and folders, lines, or numbers. */

import { checkLines, checkPaths, checkTar } from "../../controller/inputs/input_check.ts";
import { fileSource } from "../../controller/inputs/files.ts";
import { lineSource } from "../../controller/inputs/lines.ts";
import { numberSource } from "../../controller/inputs/numbers.ts";
import { OutputNaming } from "../../controller/inputs/output_naming.ts";
import { checkLogFile, checkPack } from "../../controller/inputs/pack_and_log_check.ts";
import { productSource } from "../../controller/inputs/product.ts";
import type { Source } from "../../controller/inputs/source.ts";
import { tarSource } from "../../controller/inputs/tar/tar_source.ts";
import { isTable, tableSource } from "../../controller/inputs/table.ts";
import type { PayloadMemory } from "../../controller/workers/payload_memory.ts";
import type { FinishedJobs } from "../../controller/output/finished_jobs.ts";
import type { Files } from "../../runtime/files/files.ts";
import type { Log } from "../../system/log.ts";
import { coreFilesOf } from "./core_argument.ts";
import type { RunFlags } from "./run_options.ts";
import { stateOf } from "./run_outputs.ts";
import type { RunRequest } from "./run_request.ts";
import { UsageError } from "../program/usage_error.ts";

/** Rejects unless there is exactly one kind of inputs and the inputs can be read. */
export async function checkInputs(files: Files, request: RunRequest): Promise<void> {
  const { core, inputs, flags } = request;
  const { inputs: tar, lines, repeat, param, output } = flags;
  const kinds = [
    inputs.length > 0,
    ...[tar, lines, repeat, param].map((kind) => kind !== undefined),
  ];
  if (flags.checksum && inputs.length === 0) {
    throw new UsageError("--checksum is for files; all other inputs are compared by content");
  }
  const named = kinds.filter((isNamed) => isNamed).length;
  if (named === 0) {
    throw new UsageError(
      "No inputs; name files or folders, - for a list of them on stdin, or use --inputs FILE.tar, --lines FILE, --repeat N or --param NAME=VALUES",
    );
  }
  if (named > 1) {
    throw new UsageError(
      "Choose one kind of inputs: files and folders, --inputs, --lines, --repeat, or --param",
    );
  }
  if (flags.null && !inputs.includes("-")) {
    throw new UsageError("-0 is for a list of files on stdin; name - as the input");
  }
  const naming = namingOf(flags);
  const outputs = flags.pack === undefined ? output : stateOf(flags);
  if (tar !== undefined) await checkTar(files, tar, outputs);
  else if (lines === undefined) await checkPaths(files, inputs, outputs, naming, core);
  else await checkLines(files, lines, outputs, naming);
  if (flags.pack !== undefined) {
    await checkPack(files, [...inputs, tar ?? lines ?? "-"], flags.pack);
  }
}

/** Rejects if the log would damage what else the run reads or writes. */
export async function checkLogOf(files: Files, { core, inputs, flags }: RunRequest): Promise<void> {
  const { log, inputs: tar = "-", lines = "-", pack, output, key = "-", with: beside = [] } = flags;
  if (log === undefined) return;
  const outputs = pack === undefined ? output : stateOf(flags);
  await checkLogFile(files, log, {
    inputs: [...inputs, tar, lines],
    others: [...await coreFilesOf(core), pack ?? "-", outputs, key, ...beside],
    folders: [outputs, ...beside],
  });
}

/** The source of the inputs. It skips jobs that `finished` knows. */
export function sourceOf(
  files: Files,
  { core, inputs, flags }: RunRequest,
  finished: FinishedJobs | undefined,
  log: Log,
  memory?: PayloadMemory,
): Source {
  if (flags.repeat !== undefined) return numberSource(flags.repeat, finished, namingOf(flags));
  if (flags.param) return productSource(flags.param, finished, namingOf(flags));
  if (flags.lines !== undefined && isTable(flags.lines)) {
    return tableSource(flags.lines, finished, namingOf(flags));
  }
  if (flags.lines !== undefined) return lineSource(flags.lines, finished, namingOf(flags));
  const warn = (text: string) => log.warn(text);
  const naming = namingOf(flags);
  if (flags.inputs !== undefined) {
    return tarSource({ files, tar: flags.inputs, warn, finished, naming, memory });
  }
  return fileSource({
    files,
    paths: inputs,
    outputs: flags.pack === undefined ? flags.output : stateOf(flags),
    pack: flags.pack,
    core,
    log: flags.log,
    warn,
    finished,
    comparesContent: flags.checksum,
    naming,
    listEnding: flags.null ? "zeros" : "lines",
    memory,
  });
}

/** How the outputs are named. */
export function namingOf({ suffix, name }: RunFlags): OutputNaming {
  if (suffix !== undefined && name !== undefined) {
    throw new UsageError('Choose one of --suffix and --name, as in --name "{stem}.txt"');
  }
  if (suffix !== undefined) return OutputNaming.withSuffix(suffix);
  return name === undefined ? OutputNaming.SAME : OutputNaming.of(name);
}
