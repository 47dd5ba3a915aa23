/** All checks of a core, in order. */

import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { readElfLibrary } from "../core/elf_library.ts";
import { lackingText } from "../core/lacking.ts";
import type { Runtime } from "../runtime/ports.ts";
import { formatMeasured } from "../system/format.ts";
import { host } from "../system/host.ts";
import { withReason } from "../system/failure_line.ts";
import { lackingCpu } from "../worker/cores/core_needs.ts";
import { withFileBytes } from "../worker/cores/file_bytes.ts";
import { searchLibraries } from "../worker/cores/library_search.ts";
import { writeBuiltInInputs } from "./built_in_inputs.ts";
import { checkFile, checkFunctions, checkLibraries } from "./file_checks.ts";
import { type Finding, findingsOf } from "./finding.ts";
import { type CheckedInput, type InputTrials, isSound, tryInput } from "./input_trials.ts";
import { checkJobs } from "./job_checks.ts";
import { checkRepeated } from "./repeat_checks.ts";
import { crashText, type TrialResult } from "./trial_result.ts";
import { Trials } from "./trials.ts";

/** How often a job is repeated to find leaks, and for how long. */
const RUNS_MAX = 40_000;
const REPEATED_MS = 20_000;

/** What is checked. */
export interface CoreCheckOptions {
  /** The absolute path of the core. */
  readonly core: string;
  /** Without any, built-in ones are used. */
  readonly inputs: readonly { readonly name: string; readonly path: string }[];
  /** How long a job, or loading the core, may take. */
  readonly timeoutMs: number;
  /** A temporary folder, which the caller removes. */
  readonly folder: string;
}

/** Checks a core. Close it, also when it has ended. */
export class CoreCheck {
  readonly #runtime: Runtime;
  readonly #options: CoreCheckOptions;
  readonly #trials: Trials;
  #hasRun = false;

  constructor(runtime: Runtime, options: CoreCheckOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#trials = new Trials(runtime, options.core, options.folder, options.timeoutMs);
  }

  /** Yields a finding for each check. A core that cannot be loaded gets no findings about its jobs. */
  async *findings(): AsyncGenerator<Finding> {
    const content = new Uint8Array(await readFile(this.#options.core));
    for (const check of [() => checkFile(content, host()), () => checkFunctions(content)]) {
      const finding = check();
      yield finding;
      if (isFailed(finding)) return;
    }
    const needs = await this.#checkNeeds();
    yield* needs;
    if (needs.some(isFailed)) return;
    const first = await this.#trials.run();
    this.#hasRun = first.loaded !== undefined || first.crash !== undefined;
    const load = loadFinding(first);
    yield load;
    if (isFailed(load)) return;
    const inputs = await this.#tryInputs();
    yield* checkJobs(inputs);
    const { trial, outputBytes } = await this.#repeat(inputs);
    yield* checkRepeated(trial, outputBytes);
  }

  /** Whether the core has loaded, or crashed while it did: a debugger can look at it. */
  get hasRun(): boolean {
    return this.#hasRun;
  }

  /** Ends what still runs. */
  close(): Promise<void> {
    return this.#trials.close();
  }

  async #checkNeeds(): Promise<Finding[]> {
    const { core } = this.#options;
    const { files } = this.#runtime;
    const library = await withFileBytes(files, core, readElfLibrary);
    const lacking = host().format === "ELF" ? await searchLibraries(files, core) : undefined;
    const cpu = await lackingCpu(files, core);
    const level = library && library.x86Level > 1 ? `x86-64-v${library.x86Level}` : undefined;
    const finding = findingsOf("cpu");
    const isBeside = (name: string) => files.infoSync(join(dirname(core), name)) !== undefined;
    return [
      checkLibraries(library, lacking && lackingText(lacking) ? lacking : undefined, isBeside),
      cpu ? finding.failed(cpu) : finding.ok(
        level ? `each worker needs a CPU of ${level}` : "it is not marked as needing a newer CPU",
      ),
    ];
  }

  async #tryInputs(): Promise<InputTrials[]> {
    const { inputs, folder } = this.#options;
    const checked: CheckedInput[] = inputs.length > 0
      ? inputs.map((input) => ({ ...input, isBuiltIn: false }))
      : writeBuiltInInputs(join(folder, "inputs"));
    const results: InputTrials[] = [];
    for (const input of checked) results.push(await tryInput(this.#trials, input));
    return results;
  }

  /** Runs the first input that ends well many times. */
  async #repeat(
    inputs: readonly InputTrials[],
  ): Promise<{ trial: TrialResult | undefined; outputBytes: number }> {
    const sound = inputs.filter(({ plain }) => isSound(plain) && plain.runs.length > 0);
    const chosen = sound.findLast(({ plain }) => plain.runs[0]?.exitCode === 0) ?? sound.at(-1);
    if (!chosen) return { trial: undefined, outputBytes: 0 };
    const { plain, input } = chosen;
    // Each further job would leave more behind.
    if ((plain.left?.processes ?? 0) > 0 || plain.survivors > 0) {
      return { trial: plain, outputBytes: 0 };
    }
    const trial = await this.#trials.run({
      input: input.path,
      runs: RUNS_MAX,
      budgetMs: REPEATED_MS,
    });
    return { trial, outputBytes: plain.runs[0]?.outputBytes ?? 0 };
  }
}

function loadFinding(trial: TrialResult): Finding {
  const finding = findingsOf("load");
  const { failure, loaded, printed } = trial;
  if (failure !== undefined) return finding.failed(withReason(failure, printed));
  if (!loaded) return finding.failed(`it ${crashText(trial)}`); // a crash after that is another check's
  const time = formatMeasured(loaded.openMs + loaded.initMs);
  return finding.ok(`it loads in ${time}, and worker_init returns 0`);
}

function isFailed({ state }: Finding): boolean {
  return state === "failed";
}
