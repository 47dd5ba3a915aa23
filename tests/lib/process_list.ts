/** The processes of this machine, by their command lines. */

import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { promisify } from "node:util";

/** Where `/proc/PID/stat` has the start of a process, behind its name (proc_pid_stat(5)). */
const START_FIELD = 19;

/**
 * The id and the command line of each process whose command line has `text`, in the order in which they were started.
 * Their ids may be in another one: they begin anew after the largest.
 */
export async function processesOf(text: string): Promise<string[]> {
  const lines = (await commandLines()).filter((line) => line.includes(text));
  if (process.platform !== "linux") return lines;
  const found = lines.map((line) => ({ line, startedAt: startOf(parseInt(line, 10)) }));
  return found.sort((one, other) => one.startedAt - other.startedAt).map(({ line }) => line);
}

/** When a process was started, in the system's ticks; 0 if it has ended in the meantime. */
function startOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
    return Number(fields[START_FIELD]);
  } catch {
    return 0;
  }
}

/** The id and the command line of each process. Tests ask for them so often that starting `ps` each time would be dear. */
async function commandLines(): Promise<string[]> {
  if (process.platform === "linux") return commandLinesOfLinux();
  const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", "pid=,args="]);
  return stdout.split("\n");
}

function commandLinesOfLinux(): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      return `${pid} ${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")}`;
    } catch {
      return []; // it has ended in the meantime
    }
  });
}
