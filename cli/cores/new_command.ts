/** `distcomp new`: writes a small project with a compute core in one of several languages. */

import { mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf, reasonOf } from "../../runtime/error_text.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { writeNewFile } from "../../system/new_file.ts";
import { projectFiles, type Template, TEMPLATES } from "../../templates/templates.ts";
import { ExitCode } from "../program/exit_code.ts";
import { programName } from "../program/resume_command.ts";
import { writeStdout } from "../terminal/stdout.ts";
import { UsageError } from "../program/usage_error.ts";

/** A name that every compiler, package manager and shell takes as it is. */
const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** Runs the command. Resolves to the exit status. Rejects if the project cannot be written. */
export async function newCommand(
  runtime: Runtime,
  language: string,
  name: string,
): Promise<number> {
  const template = templateOf(language);
  if (!NAME.test(name)) {
    throw new UsageError(
      `Cannot call a project "${name}": a name has at most 64 letters, digits, - and _, ` +
        "and begins with a letter",
    );
  }
  await checkFree(name);
  for (const [path, text] of projectFiles(template, name)) await write(join(name, path), text);
  writeStdout(nextSteps(template, name, programName(runtime)));
  return ExitCode.ok;
}

function templateOf(language: string): Template {
  const template = Object.hasOwn(TEMPLATES, language) ? TEMPLATES[language] : undefined;
  if (template) return template;
  const known = Object.keys(TEMPLATES).join(", ");
  throw new UsageError(`Unknown language "${language}"; it is one of ${known}`);
}

/** Rejects unless there is no such folder yet, or an empty one. */
async function checkFree(folder: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return;
    const why = codeOf(cause) === "ENOTDIR" ? "there is a file of that name" : reasonOf(cause);
    throw new UsageError(`Cannot make the folder "${folder}": ${why}`, { cause });
  }
  if (names.length === 0) return;
  throw new UsageError(`The folder "${folder}" is not empty; choose another name`);
}

async function write(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeNewFile(path, text); // never over a file that has just been made by another
  } catch (cause) {
    throw new Error(`Cannot write "${path}": ${reasonOf(cause)}`, { cause });
  }
}

function nextSteps({ language, needs, source }: Template, name: string, program: string): string {
  return `${name}/ has a compute core in ${language}: it adds up the numbers in each input. Next:

  make -C ${name}    # needs ${needs}
  ${program} run ${name}/${name}.so ${name}/inputs/

Then write your own work into ${name}/${source}. ${name}/README.md says more.
`;
}
