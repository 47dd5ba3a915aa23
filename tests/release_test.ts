/** The GitHub workflows, as far as they can be tested locally: checks, releases and release notes. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "./lib/test.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CHANGELOG = textOf("CHANGELOG.md");
const VERSION: string = JSON.parse(textOf("deno.json")).version;

test("the release notes of the current version are its section of the changelog", () => {
  const { status, stdout, stderr } = notesOf(`v${VERSION}`, withHeading(`${VERSION}, 2026-12-01`));
  assert.equal(status, 0, stderr);
  assert(stdout.length > 100);
  assert(CHANGELOG.includes(`\n\n${stdout.trimEnd()}\n`), "word for word");
  assert.doesNotMatch(stdout, /^## /m, "no heading, and nothing of another version");
});

test("a release needs the version of the program as its tag, and a section with a date", () => {
  const refused: [string, string, RegExp][] = [
    [
      "v99.0.0",
      `${VERSION}, 2026-12-01`,
      /^release_notes: The tag is "v99\.0\.0", but deno\.json /,
    ],
    [VERSION, `${VERSION}, 2026-12-01`, /but deno\.json has the version/],
    [`v${VERSION}`, `${VERSION}, unreleased`, /, unreleased"; write the date of the release there/],
    [`v${VERSION}`, "99.0.0, 2026-12-01", /has no section "## .*, DATE"/],
  ];
  for (const [tag, heading, why] of refused) {
    const { status, stdout, stderr } = notesOf(tag, withHeading(heading));
    assert.deepEqual([status, stdout], [1, ""], tag);
    assert.match(stderr, why);
  }
});

test("workflows take every action by its commit, and no more rights than reading", () => {
  for (const [name, text] of workflows()) {
    for (const [, action = ""] of text.matchAll(/uses: (.*)$/gm)) {
      assert.match(action, /^(\.\/\.github\/|[\w-]+\/[\w-]+@[0-9a-f]{40} # v[\d.]+$)/, name);
    }
    assert.match(text, /^permissions:\n {2}contents: read\n/m, name);
  }
});

test("a release has only parts whose bytes are pinned, and its sums are signed before it is published", () => {
  const text = textOf(".github/workflows/release.yml");
  assert.match(text, /\.\/compile\.sh --runtime bun --all /);
  const [signs, creates] = ["sign SHA256SUMS", "gh release create"].map((it) => text.indexOf(it));
  assert(0 < (signs as number) && (signs as number) < (creates as number));
});

test("Deno has the same version wherever it is named", () => {
  const [, version] = /^DENO_VERSION=(.*)$/m.exec(textOf("tools.sh")) ?? [];
  const pages = ["README.md", "CONTRIBUTING.md"].map((
    name,
  ): [string, string] => [name, textOf(name)]);
  for (const [name, text] of [...pages, ...workflows()]) {
    const named = [...text.matchAll(/\bdeno@([\d.]+\d)/g)].map(([, version]) => version);
    assert.deepEqual([...new Set(named)].filter((other) => other !== version), [], name);
  }
});

/** The changelog, with another heading over the current version's section. */
function withHeading(heading: string): string {
  const current = new RegExp(`^## ${RegExp.escape(VERSION)}, .*$`, "m");
  assert.match(CHANGELOG, current);
  return CHANGELOG.replace(current, `## ${heading}`) + "\n## 0.0.1, 2026-01-01\n\nOlder.\n";
}

function notesOf(tag: string, changelog: string) {
  const folder = mkdtempSync(join(tmpdir(), "dc-notes-"));
  try {
    const path = join(folder, "CHANGELOG.md");
    writeFileSync(path, changelog);
    return spawnSync(join(ROOT, ".ci/release_notes"), [tag, path], { encoding: "utf8" });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function workflows(): [string, string][] {
  const folder = ".github/workflows";
  return readdirSync(join(ROOT, folder)).map((name) => [name, textOf(join(folder, name))]);
}

function textOf(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}
