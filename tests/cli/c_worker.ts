/** The worker in C, `tests/fixtures/peers/worker_v1.c`: compiled when a test asks for it, and started. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { access, mkdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const SOURCE = fileURLToPath(new URL("../fixtures/peers/worker_v1.c", import.meta.url));
const BUILD_FOLDER = fileURLToPath(new URL("../.build/peers/", import.meta.url));
const COMPILER = process.env.CC ?? "cc";

/** A C worker that listens. */
export class CWorker implements AsyncDisposable {
  private constructor(readonly port: number, readonly child: ChildProcess) {}

  /** Starts one with its own options, such as `--slow-ms 20`. */
  static async start(...options: (string | number)[]): Promise<CWorker> {
    const child = spawn(await program(), options.map(String), {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [port] = await once(child.stdout as NonNullable<typeof child.stdout>, "data");
    return new CWorker(Number(String(port)), child);
  }

  /** As `--workers` wants it. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await once(this.child, "exit");
  }
}

/** The path of the program; built beside and renamed, so that tests that want it at once do no harm. */
async function program(): Promise<string> {
  const hash = createHash("sha256").update(COMPILER).update(await readFile(SOURCE)).digest("hex");
  const path = join(BUILD_FOLDER, `worker_v1-${hash.slice(0, 16)}`);
  try {
    await access(path);
    return path;
  } catch {
    // It has to be built.
  }
  const unfinished = `${path}.${randomUUID()}.unfinished`;
  await mkdir(BUILD_FOLDER, { recursive: true });
  const libraries = process.platform === "linux" ? ["-ldl"] : [];
  await promisify(execFile)(COMPILER, ["-std=c11", "-O2", "-o", unfinished, SOURCE, ...libraries]);
  await rename(unfinished, path);
  return path;
}
