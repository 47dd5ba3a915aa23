/** Reports in a real browser. With `DISTCOMP_PICTURES=FOLDER`, the tests write pictures of them. */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { reportPage } from "../../report/page/report_page.ts";
import type { Report } from "../../report/report.ts";
import { Workspace } from "../cli/workspace.ts";
import { Chromium, lacksChromium, type View } from "../lib/chromium.ts";
import type { Choices } from "../lib/random.ts";
import { slowTestUnless } from "../lib/test.ts";
import { BEGUN_AT, journalLine, journalOf, type RunPlan } from "./generated_journal.ts";
import { reportOfRuns } from "./reports.ts";

/** The picture in docs/watching.md. */
const DOCS_VIEW: View = { width: 1000, height: 860 };

const VIEWS: Record<string, View> = {
  phone: { width: 390, height: 844, scheme: "dark" },
  laptop: { width: 1280, height: 800, scheme: "light" },
  wall: { width: 2560, height: 1440, scheme: "dark" },
};

/** A run with what reports are for: a node that fails jobs, jobs of many lengths, and a long one. */
const PLAN: RunPlan = {
  jobs: 700,
  nodes: 3,
  slotsPerNode: 4,
  runMs: (job: number, choices: Choices) =>
    job === 640 ? 18_000 : 400 * Math.exp(choices.below(2_000) / 1000),
  fields: (job, node) =>
    node === "node2" && job % 3 === 0
      ? { state: "failed", error: "exit code 3: no GPU", printed: ["cannot open /dev/nvidia0"] }
      : {},
};

const LATER: RunPlan = { ...PLAN, jobs: 200, begunAt: BEGUN_AT + 1e8 };

/** How many of the charts have something drawn in them, in more than one color. */
const DRAWN = `[...document.querySelectorAll(".chart canvas")].filter((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return new Set(new Uint32Array(data.buffer)).size > 3;
}).length`;

slowTestUnless(
  lacksChromium,
  "a report fits a phone, a laptop, a wall and paper, light and dark, and draws all of its charts",
  async () => {
    const few = await reportOfRuns(journalOf(PLAN), journalOf(LATER));
    const many = await reportOfRuns(journalOf({ ...PLAN, jobs: 30_000, nodes: 40, gapMs: 300 }));
    for (const [name, report] of Object.entries({ few, many })) {
      await using page = await opened(report);
      const { browser } = page;
      for (const [size, view] of Object.entries(VIEWS)) {
        await browser.view(view);
        await browser.until(`innerWidth === ${view.width}`);
        await browser.until(`${DRAWN} === 6`);
        const wide = await browser.ask<number>("document.documentElement.scrollWidth");
        assert(wide <= view.width, `${name} on a ${size} is ${wide} pixels wide`);
        await picture(browser, `report-${name}-${size}.png`, size !== "laptop");
      }
      await browser.view(DOCS_VIEW);
      await browser.until(`innerWidth === ${DOCS_VIEW.width} && ${DRAWN} === 6`);
      if (name === "few") await picture(browser, "report.png", false);
      await browser.view({ ...DOCS_VIEW, scheme: "dark" });
      await browser.ask("dispatchEvent(new Event('beforeprint'))");
      await browser.until(`${DRAWN} === 6`);
      assert.equal(await browser.ask(BACKGROUND), "rgb(255, 255, 255)", "paper is white");
      await browser.ask("dispatchEvent(new Event('afterprint'))");
      assert.notEqual(await browser.ask(BACKGROUND), "rgb(255, 255, 255)");
      assert.deepEqual(browser.problems, []);
    }
  },
);

slowTestUnless(
  lacksChromium,
  "what jobs, nodes and reasons are called is text in a browser, and runs nothing",
  async () => {
    const evil = `</script><script>evil = 1</script><img src=x onerror="evil = 1">\u202egnp.exe`;
    const report = await reportOfRuns(
      journalOf({
        ...PLAN,
        name: (job) => `${job}${evil}`,
        fields: (job) => ({
          node: evil,
          ...(job % 2 === 0 && { state: "failed", error: evil, cause: evil, printed: [evil] }),
        }),
      }),
      [journalLine({ worker: "left", node: evil, address: evil, reason: evil, at: BEGUN_AT })],
    );
    await using page = await opened(report, evil);
    const { browser } = page;
    await browser.until(`${DRAWN} === 6`);
    assert.equal(await browser.ask("typeof evil"), "undefined");
    assert.equal(await browser.ask("document.querySelectorAll('img').length"), 0);
    const text = await browser.ask<string>("document.body.innerText");
    assert(text.includes("<img src=x") && !text.includes("\u202e"));
    assert.deepEqual(browser.problems, []);
  },
);

slowTestUnless(
  lacksChromium,
  "the timeline says what is below the pointer",
  async () => {
    await using page = await opened(await reportOfRuns(journalOf(PLAN)));
    const { browser } = page;
    await browser.view({ width: 1280, height: 800 });
    await browser.until(`${DRAWN} === 6`);
    await browser.ask(`(() => {
      const over = document.querySelector("[data-chart=timeline] .u-over");
      const { left, top, width } = over.getBoundingClientRect();
      for (const type of ["mouseenter", "mousemove"]) {
        const at = { clientX: left + width / 2, clientY: top + 5, bubbles: true };
        over.dispatchEvent(new MouseEvent(type, at));
      }
    })()`);
    await browser.until(
      `/^node0 0, at .*: inputs\\/\\d+\\.dat, /.test(document.getElementById("timeline-hint").textContent)`,
    );
  },
);

const BACKGROUND = "getComputedStyle(document.documentElement).backgroundColor";

interface OpenedPage extends AsyncDisposable {
  readonly browser: Chromium;
}

async function opened(report: Report, outputs = "outputs"): Promise<OpenedPage> {
  const workspace = await Workspace.make();
  const about = { outputs, madeAt: BEGUN_AT, version: "0.1.0", isGoingOn: false };
  const path = workspace.at("report.html");
  await writeFile(path, reportPage(report, about));
  const browser = await Chromium.start();
  await browser.open(pathToFileURL(path).href);
  return {
    browser,
    async [Symbol.asyncDispose]() {
      await browser[Symbol.asyncDispose]();
      await workspace[Symbol.asyncDispose]();
    },
  };
}

async function picture(browser: Chromium, name: string, isWhole: boolean): Promise<void> {
  const { DISTCOMP_PICTURES: folder } = process.env;
  if (folder !== undefined) await browser.picture(join(folder, name), isWhole);
}
