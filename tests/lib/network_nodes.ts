/**
 * Machines with networks of their own, on this one: each is a network namespace with an sshd. The machine of the user is
 * one too, so that nothing of this machine's network changes.
 *
 *     here (10.77.1.1) ── near1 (.11), near2 (.12), head (.13)     a network
 *                                                   └── far        another one, without a way back
 */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { eventually } from "./processes.ts";
import {
  lacksSshd,
  makeKeys,
  type NodeProcess,
  processesOfNode,
  serverConfig,
  writePrograms,
} from "./sshd.ts";

/** The machine of the user, in the first network. */
const HERE = "10.77.1.1";

/** The node that is in no network but the second one, and its way into the first one. */
const FAR = { name: "far", address: "10.77.2.2", over: "head" };

const NODES = [
  { name: "near1", address: "10.77.1.11" },
  { name: "near2", address: "10.77.1.12" },
  { name: "head", address: "10.77.1.13" },
  FAR,
];

/** Why there can be no such machines, if so. */
export const lacksNetworks = lacksSshd ?? problemOfNetworks();

function problemOfNetworks(): string | undefined {
  const name = `dc-${process.pid}-try`;
  try {
    execFileSync("ip", ["netns", "add", name], { stdio: "ignore" });
    execFileSync("ip", ["-n", name, "link", "add", "br0", "type", "bridge"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "no network namespace can be made here";
  } finally {
    try {
      execFileSync("ip", ["netns", "del", name], { stdio: "ignore" });
    } catch {
      // There was none.
    }
  }
}

/** Some machines. */
export class NetworkNodes implements AsyncDisposable {
  readonly #servers: ChildProcess[] = [];
  readonly #mark = `dc-${process.pid}-${Math.random().toString(36).slice(2, 8)}`;

  private constructor(readonly folder: string) {}

  static async start(): Promise<NetworkNodes> {
    const nodes = new NetworkNodes(mkdtempSync(join(tmpdir(), "dc-net-")));
    try {
      nodes.#makeNetworks();
      makeKeys(nodes.folder, ["host", "user"]);
      nodes.#writeClient();
      for (const { name, address } of NODES) nodes.#serve(name, address);
      await eventually("all nodes answer", () => nodes.#answer());
      return nodes;
    } catch (error) {
      await nodes[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** What makes the program find `ssh`, and `ssh` the nodes. */
  get env(): Record<string, string> {
    return { PATH: `${join(this.folder, "bin")}:${process.env.PATH}` };
  }

  /** What runs a command on the machine of the user. */
  get here(): string[] {
    return this.on("here");
  }

  /** What runs a command on a machine. */
  on(machine: string): string[] {
    return ["ip", "netns", "exec", this.#name(machine)];
  }

  /** An executable of distcomp. */
  get executable(): string {
    return join(this.folder, "distcomp");
  }

  /** What runs on a node. */
  running(node: string): NodeProcess[] {
    return processesOfNode(this.#cache(node));
  }

  /** Cuts the cable of a node, or puts it back. */
  cable(node: string, state: "up" | "down"): void {
    this.#ip("here", "link", "set", node, state);
  }

  /** Whether a command succeeds on a node. */
  can(node: string, ...command: readonly string[]): boolean {
    const [program = "", ...args] = [...this.on(node), ...command];
    try {
      execFileSync(program, args, { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  }

  /** Waits until nothing runs on the nodes. */
  async isQuiet(): Promise<void> {
    await eventually(
      "nothing runs on the nodes",
      () => NODES.every(({ name }) => this.running(name).length === 0),
    );
  }

  #makeNetworks(): void {
    for (const name of ["here", ...NODES.map((node) => node.name)]) {
      execFileSync("ip", ["netns", "add", this.#name(name)]);
      this.#ip(name, "link", "set", "lo", "up");
    }
    this.#ip("here", "link", "add", "br0", "type", "bridge");
    this.#ip("here", "addr", "add", `${HERE}/24`, "dev", "br0");
    this.#ip("here", "link", "set", "br0", "up");
    for (const { name, address } of NODES.filter((node) => node !== FAR)) {
      this.#link("here", name, name, "eth0", address);
      this.#ip("here", "link", "set", name, "master", "br0");
    }
    this.#link("head", "far", "inner", "eth0", FAR.address);
    this.#ip("head", "addr", "add", "10.77.2.1/24", "dev", "inner");
  }

  /** A cable from one machine to another one, which gets an address. */
  #link(from: string, to: string, port: string, device: string, address: string): void {
    const peer = ["peer", "name", device, "netns", this.#name(to)];
    this.#ip(from, "link", "add", port, "type", "veth", ...peer);
    this.#ip(to, "addr", "add", `${address}/24`, "dev", device);
    this.#ip(to, "link", "set", device, "up");
    this.#ip(from, "link", "set", port, "up");
  }

  #serve(name: string, address: string): void {
    const env = { XDG_CACHE_HOME: this.#cache(name), TMPDIR: join(this.folder, name, "tmp") };
    mkdirSync(env.TMPDIR, { recursive: true });
    const config = join(this.folder, name, "sshd_config");
    writeFileSync(config, `${serverConfig(this.folder, `${address}:22`, env).join("\n")}\n`);
    const [program = "", ...args] = [...this.on(name), "/usr/sbin/sshd", "-D", "-e", "-f", config];
    this.#servers.push(spawn(program, args, { stdio: "ignore" }));
  }

  #writeClient(): void {
    const at = (name: string) => join(this.folder, name);
    const hosts = NODES.flatMap((node) => [
      `Host ${node.name}`,
      `  HostName ${node.address}`,
      ...("over" in node ? [`  ProxyJump ${node.over}`] : []),
    ]);
    const all = [
      "Host *",
      `  IdentityFile ${at("user")}`,
      "  IdentitiesOnly yes",
      `  UserKnownHostsFile ${at("known_hosts")}`,
    ];
    writeFileSync(at("config"), `${[...hosts, ...all].join("\n")}\n`);
    const key = readFileSync(at("host.pub"), "utf8");
    writeFileSync(at("known_hosts"), NODES.map(({ address }) => `${address} ${key}`).join(""));
    writePrograms(this.folder);
  }

  #answer(): boolean {
    return NODES.every(({ name }) => this.can("here", join(this.folder, "bin/ssh"), name, "true"));
  }

  #cache(node: string): string {
    return join(this.folder, node, "cache");
  }

  #name(machine: string): string {
    return `${this.#mark}-${machine}`;
  }

  #ip(machine: string, ...args: readonly string[]): void {
    execFileSync("ip", ["-n", this.#name(machine), ...args]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.kill("SIGKILL");
      if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
    }
    for (const machine of ["here", ...NODES.map(({ name }) => name)]) {
      const name = this.#name(machine);
      if (existsSync(`/run/netns/${name}`)) execFileSync("ip", ["netns", "del", name]);
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
