/**
 * A real sshd on this machine, with keys and a configuration of its own, and an `ssh` that finds it under the names
 * `node1`, `node2`, …. Nothing of the user's is read or written.
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { once } from "node:events";
import { freePort } from "./free_port.ts";
import { eventually, signalQuietly } from "./processes.ts";
import { programCommand } from "./program_commands.ts";

const SSHD = "/usr/sbin/sshd";

/** Why there is no sshd, if so. */
export const lacksSshd = existsSync(SSHD) && existsSync("/usr/bin/ssh")
  ? undefined
  : "there is no sshd; install openssh-server";

/** A running sshd. */
export class Sshd implements AsyncDisposable {
  readonly #server: ChildProcess;

  private constructor(
    readonly folder: string,
    readonly port: number,
    server: ChildProcess,
  ) {
    this.#server = server;
  }

  /** `programs`: shell scripts that take the place of programs on the nodes. */
  static async start(programs: Readonly<Record<string, string>> = {}): Promise<Sshd> {
    const folder = mkdtempSync(join(tmpdir(), "dc-sshd-"));
    const port = await freePort();
    makeKeys(folder, ["host", "user", "other"]);
    mkdirSync(join(folder, "tmp"));
    const lines = serverConfig(folder, `127.0.0.1:${port}`, {
      XDG_CACHE_HOME: join(folder, "cache"),
      TMPDIR: join(folder, "tmp"),
      PATH: `${join(folder, "there")}:${process.env.PATH}`,
    });
    mkdirSync(join(folder, "there"));
    for (const [name, text] of Object.entries(programs)) {
      writeFileSync(join(folder, "there", name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    }
    writeFileSync(join(folder, "sshd_config"), `${lines.join("\n")}\n`);
    const args = ["-D", "-e", "-f", join(folder, "sshd_config")];
    const server = spawn(SSHD, args, { stdio: ["ignore", "ignore", "ignore"] });
    const sshd = new Sshd(folder, port, server);
    sshd.#writeClient();
    await eventually("sshd listens", () => answers(port));
    return sshd;
  }

  /** What makes the program find `ssh`, and `ssh` the nodes. */
  get env(): Record<string, string> {
    return { PATH: `${join(this.folder, "bin")}:${process.env.PATH}` };
  }

  /** An executable of distcomp, as far as this machine is concerned. */
  get executable(): string {
    return join(this.folder, "distcomp");
  }

  /** The executables that were copied to the nodes. */
  get copies(): string[] {
    const folder = join(this.folder, "cache/distcomp");
    return existsSync(folder) ? readdirSync(folder) : [];
  }

  /** What runs on the nodes, by its command line. */
  get running(): string[] {
    return this.#processes().map(({ command }) => command);
  }

  /** Kills the workers, but not what ssh has started them with. */
  killWorkers(): void {
    for (const { pid, command } of this.#processes()) {
      const isShell = /^\S*sh -c /.test(command);
      if (command.includes(" worker --") && !isShell) signalQuietly(pid, "SIGKILL");
    }
  }

  /** Makes `ssh` find another host under this name, at a port of this machine. */
  addHost(name: string, port: number): void {
    const config = join(this.folder, "config");
    const host = `Host ${name}\n  HostName 127.0.0.1\n  Port ${port}\n`;
    writeFileSync(config, host + readFileSync(config, "utf8"));
  }

  #processes(): NodeProcess[] {
    return processesOfNode(join(this.folder, "cache"));
  }

  /** Waits until nothing runs on the nodes. */
  async isQuiet(): Promise<void> {
    await eventually("nothing runs on the nodes", () => this.running.length === 0);
  }

  #writeClient(): void {
    const { folder, port } = this;
    const key = (name: string) => join(folder, name);
    const hosts = [
      "Host unknown",
      `  UserKnownHostsFile ${key("nobody")}`,
      "Host stranger",
      `  IdentityFile ${key("other")}`,
      "Host closed",
      "  Port 1",
      "Host node* gpu* unknown stranger closed",
      "  HostName 127.0.0.1",
      `  Port ${port}`,
      `  UserKnownHostsFile ${key("known_hosts")}`,
      "  IdentitiesOnly yes",
      "Host node* gpu* unknown closed",
      `  IdentityFile ${key("user")}`,
    ];
    writeFileSync(key("config"), `${hosts.join("\n")}\n`);
    const hostKey = execFileSync("cat", [key("host.pub")], { encoding: "utf8" });
    writeFileSync(key("known_hosts"), `[127.0.0.1]:${port} ${hostKey}`);
    writePrograms(folder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.kill("SIGKILL");
    if (this.#server.exitCode === null) await once(this.#server, "exit");
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}

/** Makes pairs of keys in a folder. */
export function makeKeys(folder: string, names: readonly string[]): void {
  for (const name of names) {
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)]);
  }
}

/** The configuration of an sshd with keys `host` and `user` in a folder. `env`: the variables of what it starts. */
export function serverConfig(
  folder: string,
  address: string,
  env: Readonly<Record<string, string>>,
): string[] {
  if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true });
  return [
    `ListenAddress ${address}`,
    `HostKey ${join(folder, "host")}`,
    `AuthorizedKeysFile ${join(folder, "user.pub")}`,
    "PidFile none",
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "PermitRootLogin yes",
    `SetEnv ${Object.entries(env).map((variable) => variable.join("=")).join(" ")}`,
  ];
}

/** Writes an `ssh` that reads `config` in a folder, and what stands for an executable of distcomp. */
export function writePrograms(folder: string): void {
  mkdirSync(join(folder, "bin"));
  const script = (name: string, command: string) =>
    writeFileSync(join(folder, name), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  script("bin/ssh", `/usr/bin/ssh -F ${join(folder, "config")}`);
  // From source on Deno it has to find its packages.
  const { DENO_DIR = join(homedir(), ".cache/deno") } = process.env;
  script("distcomp", `env DENO_DIR=${DENO_DIR} ${programCommand().join(" ")}`);
}

/** A process on a node. */
export interface NodeProcess {
  readonly pid: number;
  readonly command: string;
}

/** What runs on a node, which is known by the folder of its cache. */
export function processesOfNode(cache: string): NodeProcess[] {
  return processesWith(`XDG_CACHE_HOME=${cache}\0`);
}

/** What runs with a text in its environment. */
export function processesWith(text: string): NodeProcess[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, "utf8").includes(text)) return [];
      const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      return [{ pid: Number(pid), command }];
    } catch {
      return []; // it has just ended
    }
  });
}
