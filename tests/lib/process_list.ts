/** The processes of this machine, by their command lines. */

import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { promisify } from "node:util";

/** The id and the command line of each process whose command line has `text`. */
export async function processesOf(text: string): Promise<string[]> {
  return (await commandLines()).filter((line) => line.includes(text));
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
