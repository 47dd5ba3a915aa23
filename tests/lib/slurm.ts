/** A real Slurm of one node on this machine, with ports, folders and a configuration of its own. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { freePort } from "./free_port.ts";
import { eventually } from "./processes.ts";

/** Why there is no Slurm, if so. */
export const lacksSlurm = !existsSync("/usr/sbin/slurmctld") || !existsSync("/usr/sbin/slurmd")
  ? "there is no Slurm; install slurmctld, slurmd and slurm-client"
  : process.getuid?.() === 0
  ? undefined
  : "Slurm's daemon of a node needs root";

/** A running Slurm. */
export class Slurm implements AsyncDisposable {
  readonly #daemons: ChildProcess[] = [];

  private constructor(readonly folder: string) {}

  static async start(): Promise<Slurm> {
    const folder = mkdtempSync(join(tmpdir(), "dc-slurm-"));
    const slurm = new Slurm(folder);
    const at = (name: string) => join(folder, name);
    for (const name of ["state", "spool", "tmp"]) mkdirSync(at(name));
    const [node = ""] = hostname().split(".");
    const lines = [
      "ClusterName=test",
      `SlurmctldHost=${node}(127.0.0.1)`,
      "SlurmUser=root",
      "AuthType=auth/none",
      "CredType=cred/none",
      "CryptoType=crypto/none",
      `SlurmctldPort=${await freePort()}`,
      `SlurmdPort=${await freePort()}`,
      `StateSaveLocation=${at("state")}`,
      `SlurmdSpoolDir=${at("spool")}`,
      `SlurmctldPidFile=${at("ctld.pid")}`,
      `SlurmdPidFile=${at("d.pid")}`,
      `SlurmctldLogFile=${at("ctld.log")}`,
      `SlurmdLogFile=${at("d.log")}`,
      "ProctrackType=proctrack/linuxproc",
      "TaskPlugin=task/none",
      "SelectType=select/cons_tres",
      "ReturnToService=2",
      "MpiDefault=none",
      `NodeName=${node} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN`,
      "PartitionName=p Nodes=ALL Default=YES State=UP",
    ].filter((line) => !line.startsWith("CryptoType"));
    writeFileSync(at("slurm.conf"), `${lines.join("\n")}\n`);
    for (const daemon of ["slurmctld", "slurmd"]) {
      const args = ["-D", "-f", at("slurm.conf")];
      slurm.#daemons.push(spawn(`/usr/sbin/${daemon}`, args, { stdio: "ignore" }));
    }
    try {
      await eventually("the node is idle", async () => /idle/.test(await slurm.run("sinfo", "-h")));
    } catch (error) {
      const logs = ["ctld.log", "d.log"].filter((name) => existsSync(at(name)));
      console.error(logs.map((name) => readFileSync(at(name), "utf8")).join("\n"));
      await slurm[Symbol.asyncDispose]();
      throw error;
    }
    return slurm;
  }

  /** What makes programs find it. */
  get env(): Record<string, string> {
    return {
      SLURM_CONF: join(this.folder, "slurm.conf"),
      XDG_CACHE_HOME: join(this.folder, "cache"),
    };
  }

  /** Runs one of its commands; empty if it fails. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const env = { ...process.env, ...this.env };
    const ended = promisify(execFile)(command, args, { env }).catch(() => ({ stdout: "" }));
    return (await ended).stdout;
  }

  /** The states of its jobs that have not ended. */
  async states(): Promise<string[]> {
    const text = await this.run("squeue", "--noheader", "--array", "--format=%T");
    return text.split("\n").filter((line) => line !== "").sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("scancel", "--user=root", "--signal=KILL");
    for (const daemon of this.#daemons.reverse()) {
      daemon.kill("SIGTERM");
      if (daemon.exitCode === null && daemon.signalCode === null) await once(daemon, "exit");
    }
    await eventually("nothing writes to its folder any more", () => {
      try {
        rmSync(this.folder, { recursive: true, force: true });
        return true;
      } catch {
        return false;
      }
    });
  }
}
