/** `distcomp check`: tries a core on this machine, and says what would go wrong on a cluster. */

import { basename, resolve } from "node:path";
import process from "node:process";
import { styleText } from "node:util";
import { CoreCheck } from "../../check/core_check.ts";
import type { Finding, FindingState } from "../../check/finding.ts";
import { TrialsEndedError } from "../../check/trials.ts";
import { realPathOf } from "../../runtime/files/folder.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { shellWord } from "../../system/shell_word.ts";
import { inTemporaryFolder, makeTemporaryFolder } from "../../system/temporary_folder.ts";
import type { CheckFlags } from "./check_options.ts";
import { checkIsFile } from "../options/input_file.ts";
import { ExitCode } from "../program/exit_code.ts";
import { formatNoun, printable } from "../../system/format.ts";
import { jsonLine } from "../../system/json_line.ts";
import { programName } from "../program/resume_command.ts";
import { exit } from "../terminal/stderr.ts";
import { writeStdout } from "../terminal/stdout.ts";

/** How long a process may load the core and run its jobs if the user does not say. */
const TIMEOUT_MS = 60_000;

/** The columns of the table: the longest state and the longest name of a check. */
const STATE_CHARS = 7;
const NAME_CHARS = 10;

const COLORS: Readonly<Record<FindingState, Parameters<typeof styleText>[0]>> = {
  ok: "green",
  warning: "yellow",
  failed: "red",
  skipped: "dim",
};

/** Runs the command. Resolves to the exit status. */
export async function checkCommand(
  runtime: Runtime,
  core: string,
  inputs: readonly string[],
  flags: CheckFlags,
): Promise<number> {
  await checkIsFile("core", core);
  for (const input of inputs) await checkIsFile("input", input);
  const folder = await makeTemporaryFolder(runtime.files);
  const check = new CoreCheck(runtime, {
    core: await realPathOf(resolve(core)), // a link's libraries are beside the file that it leads to
    inputs: inputs.map((name) => ({ name: basename(name), path: resolve(name) })),
    timeoutMs: flags.timeout ?? TIMEOUT_MS,
    folder,
  });
  const cleanUp = async () => {
    await check.close();
    runtime.files.removeSync(folder);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      void cleanUp().finally(() => exit(ExitCode.interrupted));
    });
  }
  try {
    return await report(check, programName(runtime), core, inputs, flags);
  } catch (cause) {
    if (cause instanceof TrialsEndedError) return ExitCode.interrupted;
    throw inTemporaryFolder(folder, cause);
  } finally {
    await cleanUp();
  }
}

async function report(
  check: CoreCheck,
  program: string,
  core: string,
  inputs: readonly string[],
  { json = false }: CheckFlags,
): Promise<number> {
  const findings: Finding[] = [];
  for await (const finding of check.findings()) {
    findings.push(finding);
    if (!json) writeStdout(`${findingLine(finding)}\n`);
  }
  const count = (state: FindingState) =>
    findings.filter((finding) => finding.state === state).length;
  const commands = debugCommands(program, core, inputs[0] ?? "INPUT");
  const [failed, warnings] = [count("failed"), count("warning")];
  if (json) {
    writeStdout(`${jsonLine({ core, failed, warnings, findings, commands })}\n`);
  } else {
    const counts = failed + warnings === 0
      ? "nothing found"
      : `${formatNoun(failed, "problem")}, ${formatNoun(warnings, "warning")}`;
    const hint = `\nTo look closer:\n  ${commands.gdb}\n  ${commands.asan}\n`;
    writeStdout(`\n${counts}\n${check.hasRun ? hint : ""}`);
  }
  return failed > 0 ? ExitCode.someFailed : ExitCode.ok;
}

function findingLine({ check, state, text }: Finding): string {
  const mark = styleText(COLORS[state], state.padEnd(STATE_CHARS), { stream: process.stdout });
  return `${mark}  ${check.padEnd(NAME_CHARS)}  ${printable(text)}`;
}

/** Commands that run one job in one process. */
function debugCommands(
  program: string,
  core: string,
  input: string,
): { gdb: string; asan: string } {
  const job = `${shellWord(program)} exec ${shellWord(core)} ${shellWord(input)}`;
  return {
    gdb: `gdb --args ${job}`,
    asan: `LD_PRELOAD=$(cc -print-file-name=libasan.so) ASAN_OPTIONS=detect_leaks=0 ${job}`,
  };
}
