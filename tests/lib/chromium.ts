/**
 * A headless Chromium, driven by its DevTools protocol: opens a page, asks it, and takes pictures of it. Tests of pages
 * need no more of it than these few calls.
 */

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Buffer } from "node:buffer";
import process from "node:process";

const PROGRAMS = ["chromium", "chromium-browser", "google-chrome"];

/** A loaded machine starts it within seconds. */
const STARTED_MS_MAX = 60_000;

/** How long a condition in a page may take to be true. */
const WAIT_MS_MAX = 30_000;

/** Why there is no browser for tests, if there is none. */
export const lacksChromium: string | undefined = programOf() === undefined
  ? "there is no Chromium"
  : undefined;

/** How a page is looked at. */
export interface View {
  readonly width: number;
  readonly height: number;
  readonly scheme?: "light" | "dark";
}

interface Answer {
  readonly id?: number;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

/** A page in a browser of its own, which has no cookies and no history. */
export class Chromium {
  readonly #process: ReturnType<typeof spawn>;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<Record<string, unknown>>>();
  /** What pages have logged, and what has failed in them. */
  readonly problems: string[] = [];
  #lastId = 0;
  #session = "";

  private constructor(child: ReturnType<typeof spawn>, folder: string, socket: WebSocket) {
    this.#process = child;
    this.#folder = folder;
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#onMessage(JSON.parse(String(data))));
  }

  /** Starts a browser. `options`: further ones of its command line. */
  static async start(options: readonly string[] = []): Promise<Chromium> {
    const folder = mkdtempSync(join(tmpdir(), "distcomp-chromium-"));
    const args = [
      "--headless=new",
      "--no-sandbox", // a container's root may not use it; all pages are ours
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--remote-debugging-port=0",
      `--user-data-dir=${folder}`,
      ...options,
      "about:blank",
    ];
    const child = spawn(programOf() as string, args, { stdio: ["ignore", "ignore", "pipe"] });
    const socket = new WebSocket(await addressOf(child));
    await new Promise((resolve, reject) => {
      socket.addEventListener("open", resolve);
      socket.addEventListener("error", () => reject(new Error("Chromium refuses to be driven")));
    });
    const browser = new Chromium(child, folder, socket);
    const { targetInfos } = await browser.#send("Target.getTargets") as {
      targetInfos: { type: string; targetId: string }[];
    };
    const page = targetInfos.find(({ type }) => type === "page");
    const attached = await browser.#send("Target.attachToTarget", {
      targetId: page?.targetId,
      flatten: true,
    });
    browser.#session = String(attached["sessionId"]);
    for (const domain of ["Page", "Runtime", "Log"]) await browser.#send(`${domain}.enable`);
    return browser;
  }

  /** Opens an address. */
  async open(url: string): Promise<void> {
    await this.#send("Page.navigate", { url });
  }

  /** The value of an expression in the page, as JSON. */
  async ask<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    }) as { result: { value: T }; exceptionDetails?: { text: string } };
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  }

  /** Waits until an expression in the page is true. */
  async until(expression: string): Promise<void> {
    const endMs = Date.now() + WAIT_MS_MAX;
    for (;;) {
      // Between two pages, there is nothing that could be asked.
      if (await this.ask<boolean>(`Boolean(${expression})`).catch(() => false)) return;
      if (Date.now() > endMs) {
        throw new Error(`Not true in the page: ${expression}; ${this.problems.join("; ")}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Looks at pages in this size and color scheme from now on. */
  async view({ width, height, scheme = "light" }: View): Promise<void> {
    await this.#send("Emulation.setDeviceMetricsOverride", {
      width,
      height,
      deviceScaleFactor: 1,
      mobile: width < 600,
    });
    const features = [{ name: "prefers-color-scheme", value: scheme }];
    await this.#send("Emulation.setEmulatedMedia", { features });
    // The page has drawn itself anew.
    await this.ask(
      "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))",
    );
  }

  /** Stops all that the page does, as browsers do with a page that nobody has seen for minutes, or has it go on. */
  async freeze(isFrozen: boolean): Promise<void> {
    await this.#send("Page.setWebLifecycleState", { state: isFrozen ? "frozen" : "active" });
  }

  /** Writes a picture of what is seen. `isWhole`: of the whole page. */
  async picture(path: string, isWhole = false): Promise<void> {
    const { data } = await this.#send("Page.captureScreenshot", {
      format: "png",
      captureBeyondViewport: isWhole,
      ...isWhole && { clip: { ...await this.#wholePage(), scale: 1 } },
    });
    writeFileSync(path, Buffer.from(String(data), "base64"));
  }

  /** Ends the browser. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    await this.#send("Browser.close").catch(() => {});
    const killed = setTimeout(() => this.#process.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(killed);
    this.#socket.close();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  async #wholePage() {
    return await this.ask<{ x: number; y: number; width: number; height: number }>(
      "({ x: 0, y: 0, width: document.documentElement.clientWidth, " +
        "height: document.documentElement.scrollHeight })",
    );
  }

  #send(method: string, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<Record<string, unknown>>();
    this.#waiting.set(id, answer);
    const session = this.#session && !/^(Target|Browser)\./.test(method)
      ? { sessionId: this.#session }
      : {};
    this.#socket.send(JSON.stringify({ id, method, params, ...session }));
    return answer.promise;
  }

  #onMessage({ id, method, params, result, error }: Answer): void {
    if (method === "Runtime.exceptionThrown" || method === "Log.entryAdded") {
      this.problems.push(JSON.stringify(params));
    }
    const waiting = id === undefined ? undefined : this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id as number);
    if (error) waiting.reject(new Error(error.message));
    else waiting.resolve(result ?? {});
  }
}

function programOf(): string | undefined {
  const { DISTCOMP_TEST_CHROMIUM: named } = process.env;
  return [...named ? [named] : [], ...PROGRAMS].find((program) => {
    try {
      execFileSync("/bin/sh", ["-c", 'command -v "$1"', "sh", program], { stdio: "ignore" });
      return true;
    } catch {
      return false;
    }
  });
}

/** Where it listens for whoever drives it. */
async function addressOf(child: ReturnType<typeof spawn>): Promise<string> {
  const late = setTimeout(() => child.kill("SIGKILL"), STARTED_MS_MAX);
  const said: string[] = [];
  for await (const line of createInterface(child.stderr as NonNullable<typeof child.stderr>)) {
    said.push(line);
    const address = /^DevTools listening on (ws:\S+)$/.exec(line)?.[1];
    if (address === undefined) continue;
    clearTimeout(late);
    child.stderr?.resume(); // or it would wait for somebody who reads what it prints
    return address;
  }
  clearTimeout(late);
  throw new Error(`Chromium has not started: ${said.join("; ")}`);
}
