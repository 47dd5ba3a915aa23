/**
 * A program that runs several command lines one after the other, in one process: most of what a short command costs is
 * the start of its process. It reads them from stdin, a line of JSON for each (`CommandLine`), until its end. Behind
 * what each prints to stdout and stderr stands its exit status between `END` marks. In a bundle, this program cannot
 * start itself as a worker or a slot: the command that can is its argument, as JSON.
 */

import process from "node:process";
import { createInterface } from "node:readline";
import { runCommandLine } from "../../cli/command_line.ts";
import type { Roles } from "../../cli/roles.ts";
import { stderr, useStderrOf } from "../../cli/terminal/stderr.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import type { Runtime } from "../../runtime/ports.ts";
import { type CommandLine, END } from "./command_marks.ts";

const ROLES: Roles = {
  launch: () => import("../../cli/run/launch.ts"),
  controller: () => import("../../cli/run/run_command.ts"),
  worker: () => import("../../cli/worker/worker_command.ts"),
  exec: () => import("../../cli/cores/exec_command.ts"),
  project: () => import("../../cli/cores/new_command.ts"),
  localWorker: () => import("../../cli/worker/local_worker_command.ts"),
  check: () => import("../../cli/cores/check_command.ts"),
  bench: () => import("../../cli/bench/bench_command.ts"),
  report: () => import("../../cli/watching/report_command.ts"),
  status: () => import("../../cli/watching/status_command.ts"),
  top: () => import("../../cli/watching/top_command.ts"),
  key: () => import("../../cli/key/key_command.ts"),
  up: () => import("../../cli/up/up_command.ts"),
  signer: () => import("../../cli/key/signer_command.ts"),
};

/** The signals that commands handle. In a process of their own, their handlers end with it. */
const SIGNALS = [
  "SIGINT",
  "SIGTERM",
  "SIGHUP",
  "SIGQUIT",
  "SIGUSR1",
  "SIGUSR2",
  "SIGTSTP",
  "SIGCONT",
  "SIGXFSZ",
];

const runtime = withProgram(await detectRuntime(), process.argv[2]);
useStderrOf(runtime);
process.stdin.on("end", () => process.exit(0));
for await (const line of createInterface({ input: process.stdin })) {
  const { args, folder, env }: CommandLine = JSON.parse(line);
  process.chdir(folder);
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name];
  Object.assign(process.env, env);
  const code = await runCommandLine(runtime, args, ROLES);
  await stderr.flush();
  for (const signal of SIGNALS) process.removeAllListeners(signal);
  process.stdout.write(`${END}${code}${END}`);
  process.stderr.write(`${END}${code}${END}`);
}

/** That runtime, with another program that starts itself as a worker or a slot. */
function withProgram(runtime: Runtime, program: string | undefined): Runtime {
  if (program === undefined) return runtime;
  const command: string[] = JSON.parse(program);
  return { ...runtime, selfCommand: () => command };
}
