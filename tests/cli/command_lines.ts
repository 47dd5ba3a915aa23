/**
 * A program that runs several command lines one after the other, in one process: most of what a refused command costs
 * is the start of its process. Its argument is a JSON list of them. Behind what each prints to stdout and stderr stands
 * its exit status between `END` marks.
 */

import process from "node:process";
import { runCommandLine } from "../../cli/command_line.ts";
import { stderr, useStderrOf } from "../../cli/stderr.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { END } from "./command_marks.ts";

const runtime = await detectRuntime();
useStderrOf(runtime);
const lines: string[][] = JSON.parse(process.argv[2] ?? "[]");
for (const args of lines) {
  const code = await runCommandLine(runtime, args, {
    controller: () => import("../../cli/run_command.ts"),
    worker: () => import("../../cli/worker_command.ts"),
    exec: () => import("../../cli/exec_command.ts"),
    project: () => import("../../cli/new_command.ts"),
    localWorker: () => import("../../cli/local_worker_command.ts"),
    check: () => import("../../cli/check_command.ts"),
    bench: () => import("../../cli/bench_command.ts"),
    report: () => import("../../cli/report_command.ts"),
    status: () => import("../../cli/status_command.ts"),
    top: () => import("../../cli/top_command.ts"),
    key: () => import("../../cli/key_command.ts"),
    signer: () => import("../../cli/signer_command.ts"),
  });
  await stderr.flush();
  process.stdout.write(`${END}${code}${END}`);
  process.stderr.write(`${END}${code}${END}`);
}
process.exit(0);
