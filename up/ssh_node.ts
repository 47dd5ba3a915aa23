/** One machine that is reached by ssh: gets the executable there, if it has none yet, and starts it. */

import { createReadStream } from "node:fs";
import { once } from "node:events";
import type { Clock } from "../runtime/clock.ts";
import { reasonOf } from "../runtime/error_text.ts";
import type { PipedProcess, StartPiped } from "../runtime/processes/piped_process.ts";
import type { ByteStream } from "../runtime/ports.ts";
import { RefusedError } from "../security/refused_error.ts";
import type { Executable } from "./executables.ts";
import { LineReader } from "./line_reader.ts";
import {
  answerIn,
  type NodeAnswer,
  type NodeFacts,
  storeScript,
  workerScript,
} from "./node_scripts.ts";
import { isForUser, sshProblem } from "./ssh_problems.ts";

/** The program, and what is the same for all nodes. It must not ask for anything: nobody would see the question. */
const SSH = [
  "ssh",
  "-T",
  "-x",
  "-o",
  "BatchMode=yes",
  "-o",
  "ConnectTimeout=10",
  "-o",
  "ServerAliveInterval=5",
  "-o",
  "ServerAliveCountMax=4",
];

/** How long a node may take for its first line: to connect over several hops, and to start a shell on a file server. */
const ANSWER_MS_MAX = 60_000;

/** How long an executable may take: 100 MB on a slow line. */
const STORE_MS_MAX = 1_800_000;

/** How long the end of ssh may take after its output has ended. */
const END_MS_MAX = 2_000;

/** What a node needs. */
export interface SshPorts {
  readonly clock: Clock;
  readonly start: StartPiped;
}

/** A worker on a node, and what the node has said about itself. */
export interface StartedNode {
  readonly process: PipedProcess;
  /** From the first byte behind the line of the script. */
  readonly stream: ByteStream;
  /** The same as lines, instead of that. */
  readonly lines: LineReader;
  readonly facts: NodeFacts;
}

/** Starts a worker on a node. `args` are those of distcomp there, `options` more ones of ssh. */
export async function startOnNode(
  ports: SshPorts,
  target: string,
  executables: readonly Executable[],
  args: readonly string[],
  options: readonly string[] = [],
): Promise<StartedNode> {
  const script = workerScript(executables, args);
  const first = await answerOf(ports, target, script, options);
  if (first.answer.kind === "ready") return started(first, first.answer.facts);
  first.process.stream.close();
  if (first.answer.kind !== "lacks") throw new Error("its answer cannot be understood");
  const { platform } = first.answer.facts;
  const executable = executables.find((it) => it.platform === platform);
  if (!executable) {
    const names = executables.map((it) => it.platform).join(", ");
    throw new RefusedError(
      `it is ${platform}, and there is no executable for that beside this one (${names}); ` +
        "./compile.sh --all builds them",
    );
  }
  await store(ports, target, executable, options);
  const second = await answerOf(ports, target, script, options);
  if (second.answer.kind === "ready") return started(second, second.answer.facts);
  second.process.stream.close();
  throw new RefusedError(
    "it has lost the executable that was copied to it, or runs none from its cache (noexec); " +
      "set XDG_CACHE_HOME there",
  );
}

/** A script that has answered. */
interface Answered {
  readonly process: PipedProcess;
  readonly lines: LineReader;
  readonly answer: NodeAnswer;
}

function started({ process, lines }: Answered, facts: NodeFacts): StartedNode {
  return { process, lines, stream: lines.rest((error) => endOf(process, error)), facts };
}

/** Copies an executable to a node, unless another one has done so meanwhile. */
async function store(
  ports: SshPorts,
  target: string,
  executable: Executable,
  options: readonly string[],
): Promise<void> {
  const { process, lines, answer } = await answerOf(
    ports,
    target,
    storeScript(executable),
    options,
  );
  const { stream } = process;
  const timer = ports.clock.after(STORE_MS_MAX, () => process.kill());
  try {
    if (answer.kind === "stored") return;
    await send(executable, stream).catch(() => {}); // the node says why
    await stream.endWrites();
    const last = await nextAnswer(lines);
    if (last?.kind !== "stored") throw await problemOf(ports, process, "the copy has failed");
  } finally {
    timer.stop();
    stream.close();
  }
}

async function send({ path }: Executable, stream: ByteStream): Promise<void> {
  const file = createReadStream(path, { highWaterMark: 1024 * 1024 });
  await once(file, "open");
  for await (const piece of file) await stream.write(new Uint8Array(piece));
}

/** Runs a script on a node, and waits for its line. */
async function answerOf(
  ports: SshPorts,
  target: string,
  script: string,
  options: readonly string[],
): Promise<Answered> {
  const process = ports.start([...SSH, ...options, "--", target, script], `ssh://${target}`);
  const lines = new LineReader(process.stream);
  let isLate = false;
  const timer = ports.clock.after(ANSWER_MS_MAX, () => {
    isLate = true;
    process.kill();
  });
  try {
    const answer = await nextAnswer(lines);
    if (answer) return { process, lines, answer };
  } finally {
    timer.stop();
  }
  if (isLate) throw new Error(`no answer within ${ANSWER_MS_MAX / 1000}s`);
  throw await problemOf(ports, process, "ssh has ended without a message");
}

/** Waits for a line of the worker itself. */
export async function hasSaid(
  ports: SshPorts,
  { process, lines }: StartedNode,
  pattern: RegExp,
): Promise<void> {
  for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
    if (pattern.test(line)) return;
  }
  throw await problemOf(ports, process, "its worker has ended at once");
}

async function nextAnswer(lines: LineReader): Promise<NodeAnswer | undefined> {
  const next = () => lines.next().catch(() => undefined); // how the process ends says why
  for (let line = await next(); line !== undefined; line = await next()) {
    const answer = answerIn(line);
    if (answer) return answer;
  }
  return undefined;
}

/** Why a script has not done what it should. What only the user can change is not tried again at once. */
async function problemOf(
  { clock }: SshPorts,
  process: PipedProcess,
  otherwise: string,
): Promise<Error> {
  const timer = clock.after(END_MS_MAX, () => process.kill());
  try {
    await process.ended;
  } catch (cause) {
    return new RefusedError(`cannot start ssh: ${reasonOf(cause)}`, { cause });
  } finally {
    timer.stop();
  }
  const problem = sshProblem(process.stderr()) ?? otherwise;
  return isForUser(problem) ? new RefusedError(problem) : new Error(problem);
}

/** The stream of a worker has ended: the error says why, if ssh does. */
async function endOf(process: PipedProcess, error: unknown): Promise<unknown> {
  const end = await process.ended.catch(() => undefined);
  const problem = end?.exitCode === 0 ? undefined : sshProblem(process.stderr());
  return problem === undefined ? error : new Error(problem);
}
