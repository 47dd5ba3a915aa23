/** The tools that builds and tests fetch: with known bytes only, and without running anything of theirs. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";
import { Workspace } from "./cli/workspace.ts";
import { programTest, test } from "./lib/test.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const NAME = "@oven/bun-linux-x64";

test("a tool whose bytes are pinned is installed, and none of its scripts runs", async () => {
  await using workspace = await Workspace.make();
  await using registry = await Registry.with(workspace, "1.4.5");
  const ended = await install(workspace, registry, registry.integrity);
  assert.deepEqual(ended, { status: 0, stderr: "" });
  assert(existsSync(workspace.at(`tools/${NAME}/node_modules/${NAME}/bin/bun`)));
  assert(!existsSync(workspace.at("script ran")));
});

programTest(
  "a tool with other bytes is refused, whatever the registry says its hash is",
  async () => {
    await using workspace = await Workspace.make();
    await using registry = await Registry.with(workspace, "1.4.5");
    const { status, stderr } = await install(workspace, registry);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /^Cannot get @oven\/bun-linux-x64 1\.4\.5 from the npm registry: .*integrity checksum failed/i,
    );
    assert(!existsSync(workspace.at(`tools/${NAME}/node_modules/${NAME}/bin/bun`)));
  },
);

test("every target of compile.sh has a runtime whose bytes are pinned", async () => {
  const [compile, tools] = await Promise.all(
    ["compile.sh", "tools.sh"].map((name) => readFile(join(ROOT, name), "utf8")),
  ) as [string, string];
  const packages = [...compile.matchAll(/^\S+ .* (@oven\/\S+)$/gm)].map(([, name]) => name);
  assert.equal(packages.length, 6);
  for (const name of packages) assert.match(tools, new RegExp(`^${name} sha512-\\S{88}$`, "m"));
});

/** Installs the tool from the registry, with the hash that tools.sh has unless told another one. */
async function install(workspace: Workspace, registry: Registry, hash?: string) {
  const known = hash === undefined ? "" : `TOOL_HASHES="${NAME} ${hash}"`;
  const script = `set -euo pipefail; . ${ROOT}tools.sh; ${known}
fail() { echo "$1" >&2; exit "$2"; }
install_tool ${workspace.at("tools")} ${NAME} "$BUN_VERSION"`;
  const child = spawn("bash", ["-c", script], {
    cwd: workspace.path,
    env: {
      ...process.env,
      npm_config_registry: registry.url,
      npm_config_cache: workspace.at("cache"),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text) => stderr += text);
  const [status] = await once(child, "close");
  return { status, stderr };
}

/** A registry that has one package, with a script that npm would run after installing it. */
class Registry implements AsyncDisposable {
  private constructor(
    readonly url: string,
    readonly integrity: string,
    readonly close: () => Promise<void>,
  ) {}

  static async with(workspace: Workspace, version: string): Promise<Registry> {
    const scripts = { install: `touch "${workspace.at("script ran")}"` };
    const own = { name: NAME, version, scripts };
    await mkdir(workspace.at("package"));
    await workspace.write("package/package.json", JSON.stringify(own));
    await workspace.write("package/bin/bun", "a tool");
    const pack = ["-C", workspace.path, "-czf", workspace.at("tool.tgz"), "package"];
    await promisify(execFile)("tar", pack);
    const tarball = await readFile(workspace.at("tool.tgz"));
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    const server = createServer((request, response) => {
      if (request.url?.endsWith(".tgz")) return void response.end(tarball);
      const dist = { tarball: `http://${request.headers.host}/tool.tgz`, integrity };
      const versions = { [version]: { ...own, dist } };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ name: NAME, "dist-tags": { latest: version }, versions }));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    return new Registry(`http://127.0.0.1:${port}/`, integrity, async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
