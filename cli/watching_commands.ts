/** The commands that look at runs and workers, during and after: `status`, `top` and `report`. */

import type { Command } from "commander";
import type { Runtime } from "../runtime/ports.ts";
import { notesText } from "./options/help_notes.ts";
import type { Outcome } from "./program/outcome.ts";
import { addReportOptions, REPORT_NOTES, type ReportFlags } from "./watching/report_options.ts";
import type { Roles } from "./roles.ts";
import {
  addStatusOptions,
  addTopOptions,
  STATUS_NOTES,
  type StatusFlags,
  TOP_NOTES,
} from "./watching/status_options.ts";

export function addReport(
  program: Command,
  runtime: Runtime,
  report: NonNullable<Roles["report"]>,
  outcome: Outcome,
): void {
  const command: Command = program.command("report")
    .summary("write a page about a run: when slots were busy, what failed, what limits it")
    .description("Write a page about the runs in an output folder or a pack, from their journal.")
    .addHelpText("after", () => notesText(command, REPORT_NOTES));
  addReportOptions(command).action(async (outputs: string, flags: ReportFlags) => {
    const { reportCommand } = await report();
    outcome.exitCode = await reportCommand(runtime, outputs, flags);
  });
}

export function addStatus(
  program: Command,
  runtime: Runtime,
  status: NonNullable<Roles["status"]>,
  outcome: Outcome,
): void {
  const command: Command = program.command("status")
    .summary("show what a run or a worker is doing, or how a run has ended")
    .description("Show what a run or a worker is doing, or how a run has ended.")
    .addHelpText("after", () => notesText(command, STATUS_NOTES));
  addStatusOptions(command).action(async (target: string | undefined, flags: StatusFlags) => {
    const { statusCommand } = await status();
    outcome.exitCode = await statusCommand(runtime, target, flags);
  });
}

export function addTop(
  program: Command,
  runtime: Runtime,
  top: NonNullable<Roles["top"]>,
  outcome: Outcome,
): void {
  const command: Command = program.command("top")
    .summary("watch a run or a worker: slots, rates, running jobs, failures")
    .description("Watch a run or a worker: slots, rates, the jobs that run longest, failures.")
    .addHelpText("after", () => notesText(command, TOP_NOTES));
  addTopOptions(command).action(async (target: string | undefined, flags: StatusFlags) => {
    const { topCommand } = await top();
    outcome.exitCode = await topCommand(runtime, target, flags);
  });
}
