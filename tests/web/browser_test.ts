/**
 * The page in a real browser. With `DISTCOMP_PICTURES=FOLDER`, the tests write pictures of it: those in docs/ were made
 * by `deno task pictures`.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import type { Line } from "../../cli/watching/top_frame.ts";
import { topScreen } from "../../cli/watching/top_screen.ts";
import type { Clock } from "../../runtime/clock.ts";
import { detectRuntime } from "../../runtime/detect.ts";
import { silentLog } from "../../system/log.ts";
import type { RunSnapshot, Snapshot } from "../../watch/snapshot.ts";
import { PageServer } from "../../web/server.ts";
import { Workspace } from "../cli/workspace.ts";
import { Chromium, lacksChromium, type View } from "../lib/chromium.ts";
import { core } from "../lib/cores.ts";
import { Program } from "../lib/processes.ts";
import { slowTestUnless } from "../lib/test.ts";
import { VirtualClock } from "../lib/virtual_clock.ts";
import { FAKE_NOW, fakeRun, fakeWorker } from "../watch/fake_snapshots.ts";

const IS_SHOWN = "document.querySelector('main')?.hidden === false";

const VIEWS: Record<string, View> = {
  phone: { width: 390, height: 844, scheme: "dark" },
  laptop: { width: 1280, height: 800, scheme: "light" },
  wall: { width: 2560, height: 1440, scheme: "dark" },
};

slowTestUnless(
  lacksChromium,
  "a browser opens the page of a run at the printed address, sees its jobs, and how it ended",
  async () => {
    await using workspace = await Workspace.make();
    await workspace.write("lines", "sleep 60000\n".repeat(3) + "exit 3\n");
    const args = ["run", await core("behave"), "--lines", "lines", "--slots", "2", "--web"];
    await using run = await Program.start([...args, "--timeout", "20s", "--retries", "0"], {
      cwd: workspace.path,
    });
    const [, url = ""] = await run.printed("stderr", /^the page is at (http:\S+)$/m);
    await using browser = await Chromium.start();
    await browser.open(url);
    await browser.until(IS_SHOWN);
    await browser.until(`${textOf("#jobs")}.includes("running")`);
    await browser.until(`${textOf("#jobs-running")}.includes("00000")`);
    assert.equal(await browser.ask("document.cookie"), "", "the cookie is not for scripts");
    assert.doesNotMatch(await browser.ask<string>("location.href"), /token/);
    run.signal("SIGQUIT"); // it gives up its jobs, and ends
    await browser.until(`${textOf("#notice")}.startsWith("The run was interrupted")`);
    await run.exited;
    assert.match(await browser.ask<string>(textOf("#title")), /behave/);
    assert.equal(await browser.ask(textOf("#phase")), "interrupted");
    assert.match(await browser.ask<string>("document.title"), /^interrupted · /);
    assert.doesNotMatch(await browser.ask<string>(textOf("#now")), /jobs\/s now/);
    assert.match(await browser.ask<string>(textOf("#rate-text")), /^In all at most /);
    assert.deepEqual(browser.problems, []);
  },
);

slowTestUnless(
  lacksChromium,
  "the page fits a phone, a laptop and a wall, light and dark, and says all with text",
  async () => {
    for (const [name, snapshot] of Object.entries(SHOWN)) {
      await using page = await opened(() => snapshot);
      const { browser } = page;
      await browser.until("document.querySelectorAll('.u-legend').length === 2");
      for (const [size, view] of Object.entries(VIEWS)) {
        await browser.view(view);
        await browser.until("document.querySelector('.u-over')?.clientWidth > 100");
        const wide = await browser.ask<number>("document.documentElement.scrollWidth");
        assert.ok(wide <= view.width, `${name} on a ${size} is ${wide} pixels wide`);
        await picture(browser, `${name}-${size}.png`);
      }
      assert.deepEqual(await browser.ask(UNNAMED), [], name);
      assert.deepEqual(browser.problems, [], name);
    }
  },
);

slowTestUnless(
  lacksChromium,
  "what jobs, workers and cores are called and say is text, whatever it contains",
  async () => {
    const evil =
      `</script><script>evil = 1</script><img src=x onerror="evil = 1">\u202egnp.exe\u0000`;
    await using page = await opened(() => hostileRun(evil));
    const { browser } = page;
    await browser.until(`${textOf("#failures")}.includes("onerror")`);
    assert.equal(await browser.ask("typeof evil"), "undefined");
    assert.equal(await browser.ask("document.querySelectorAll('main img, main script').length"), 0);
    const text = await browser.ask<string>("document.body.innerText");
    assert.doesNotMatch(text, /[\u202e\0]/);
    for (const place of ["#title", "#grid", "#jobs-running", "#failures", "#log", "#about"]) {
      const shown = await browser.ask<string>(textOf(place));
      assert.ok(shown.includes("<img src=x onerror="), place);
    }
    assert.deepEqual(browser.problems, []);
  },
);

slowTestUnless(
  lacksChromium,
  "a page whose run is gone says so, and keeps the last state",
  async () => {
    await using page = await opened(() => fakeRun());
    const { browser } = page;
    await browser.until(IS_SHOWN);
    page.lose();
    await browser.until(`${textOf("#notice")}.startsWith("No answer since ")`);
    assert.match(await browser.ask<string>(textOf("#notice")), /; distcomp status \S+ tells\.$/);
    assert.equal(await browser.ask(textOf("#phase")), "no answer");
    assert.equal(await browser.ask("document.title"), "no answer · core.so");
    const opacity = "[...document.querySelectorAll('body, body *')]" +
      ".filter((element) => getComputedStyle(element).opacity !== '1').map(({ id }) => id)";
    assert.deepEqual(await browser.ask(opacity), [], "what is told stays readable");
    for (const [size, view] of Object.entries(VIEWS)) {
      await browser.view(view);
      await picture(browser, `lost-${size}.png`);
    }
    assert.match(await browser.ask<string>(textOf("#jobs")), /61,250/);
  },
);

slowTestUnless(
  lacksChromium,
  "the bar is there once the total is known, and its parts fill the part of it that they are",
  async () => {
    let { jobs } = fakeRun();
    const known = jobs.total;
    jobs = { ...jobs, total: null };
    await using page = await opened(() => ({ ...fakeRun(), jobs }));
    const { browser } = page;
    await browser.until(IS_SHOWN);
    assert.equal(await browser.ask("document.querySelector('#bar').clientHeight"), 0);
    jobs = { total: known, done: 50_000, failed: 25_000, skipped: 0, running: 0, waiting: 25_000 };
    await browser.until("document.querySelector('#bar').clientHeight > 0");
    const parts = `["#bar", ".done", ".failed", ".running"].map((name) =>
      Math.round(document.querySelector(name === "#bar" ? name : "#bar " + name).clientWidth))`;
    const [bar = 0, ...widths] = await browser.ask<number[]>(parts);
    assert.deepEqual(widths, [Math.round(bar / 2), Math.round(bar / 4), 0]);
  },
);

slowTestUnless(
  lacksChromium,
  "a page in the background is told how the run has ended",
  async () => {
    await using page = await opened(() => fakeRun());
    const { browser } = page;
    await browser.until(IS_SHOWN);
    await browser.ask("Object.defineProperty(document, 'hidden', { value: true })");
    await new Promise((resolve) => setTimeout(resolve, 1_500)); // it asks once more, and then seldom
    await page.end();
    assert.match(await browser.ask<string>(textOf("#notice")), /^The run has ended\./);
    assert.equal(await browser.ask("document.title"), "ended, 17 failed · core.so");
    assert.deepEqual(browser.problems, []);
  },
);

slowTestUnless(
  lacksChromium,
  "a page that its browser has frozen knows how the run has ended when it is thawed, though nobody is there any more",
  async () => {
    const clock = new VirtualClock();
    await using page = await opened(() => fakeRun(), clock);
    const { browser } = page;
    await browser.until(IS_SHOWN);
    await browser.freeze(true);
    for (let minutes = 0; minutes < 10; minutes++) await clock.advance(60_000);
    const ended = page.end();
    await clock.advance(10_000);
    await ended;
    await browser.freeze(false);
    await browser.until(`${textOf("#notice")}.startsWith("The run has ended.")`);
  },
);

slowTestUnless(
  lacksChromium,
  "the screen of top fits 100 columns, in the picture as well",
  async () => {
    const lines = topScreen(fakeRun({ workers: 8, slots: 16 }), { scroll: 0, isPaused: false }, {
      columns: 100,
      rows: 30,
    });
    await using browser = await Chromium.start();
    await browser.view({ width: 900, height: 560, scheme: "dark" });
    await browser.open(`data:text/html;charset=utf-8,${encodeURIComponent(terminalPage(lines))}`);
    const [columns, width] = await browser.ask<[number, number]>(
      "[document.querySelector('b').clientWidth, document.querySelector('pre').scrollWidth]",
    );
    assert.ok(width <= columns + 1, `${width} pixels of ${columns}`);
    const { DISTCOMP_PICTURES: folder } = process.env;
    if (folder) await browser.picture(join(folder, "top.png"), false);
  },
);

/** What pictures are taken of. */
const SHOWN: Record<string, Snapshot> = {
  run: fakeRun({ workers: 12, slots: 16, points: 245 }),
  cluster: fakeRun({ workers: 100, slots: 32, points: 600 }, { elapsedMs: 600_000 }),
  worker: fakeWorker(),
};

/** Fields and scroll areas that are not named for those who cannot see them. */
const UNNAMED = `[...document.querySelectorAll("section, input, [tabindex], canvas, ul")]
  .filter((element) => !element.closest("[hidden]"))
  .filter((element) => !element.getAttribute("aria-label") && !element.labels?.length &&
    !element.getAttribute("aria-labelledby") && element.id !== "grid" &&
    !element.closest(".chart[aria-labelledby]"))
  .map((element) => element.outerHTML.slice(0, 80))`;

/** The lines of a terminal with their colors, as a page. The first line is as wide as the terminal. */
function terminalPage(lines: readonly Line[]): string {
  const spans = lines.map((line) =>
    line.map(([text, style = ""]) => `<i class="${style}">${text.replaceAll("<", "&lt;")}</i>`)
      .join("")
  );
  return `<!doctype html><style>
    body { margin: 16px; background: #16191d; color: #d5dae1 }
    pre { font: 14px/1.2 "DejaVu Sans Mono", monospace; margin: 0; width: fit-content }
    i { font-style: normal } b { position: absolute; visibility: hidden }
    .bold { font-weight: bold } .dim { color: #8b95a3 } .red { color: #f87171 }
    .yellow { color: #fbbf24 } .green { color: #4ade80 } .inverse { background: #d5dae1; color: #16191d }
  </style><pre><b>${"0".repeat(100)}</b>${spans.join("\n")}</pre>`;
}

/** All foreign texts of a run are this one. */
function hostileRun(text: string): RunSnapshot {
  const run = fakeRun({ workers: 1, slots: 2 });
  const job = { name: text, attempt: 1, sentAt: FAKE_NOW - 1_000, beganAt: FAKE_NOW - 1_000 };
  return {
    ...run,
    host: text,
    core: { ...run.core, name: text },
    workers: run.workers.map((worker) => ({ ...worker, name: text, platform: text, jobs: [job] })),
    running: run.running.map((entry) => ({ ...entry, ...job, worker: text })),
    failures: [{ reason: text, jobs: 1, names: [text] }],
    log: [{ at: FAKE_NOW, level: "printed", text }],
  };
}

function textOf(selector: string): string {
  return `document.querySelector(${JSON.stringify(selector)}).innerText`;
}

/** A page of this process that a browser has opened. */
async function opened(collect: () => Snapshot, clock?: Clock) {
  const detected = await detectRuntime();
  const runtime = { ...detected, clock: clock ?? detected.clock };
  let url = "";
  const server = await PageServer.open(runtime, {
    address: { kind: "tcp", host: "127.0.0.1", port: 0 },
    role: "controller",
    collect,
    log: silentLog,
    print: (line) => url ||= /http\S+/.exec(line)?.[0] ?? "",
  });
  const browser = await Chromium.start();
  await browser.view(VIEWS["laptop"] as View);
  await browser.open(url);
  return {
    browser,
    lose: () => server.close(),
    end: () => server.end(),
    [Symbol.asyncDispose]: async () => {
      await browser[Symbol.asyncDispose]();
      server.close();
    },
  };
}

async function picture(browser: Chromium, name: string): Promise<void> {
  const { DISTCOMP_PICTURES: folder } = process.env;
  const isWhole = !name.endsWith("phone.png"); // which would be very long
  if (folder) await browser.picture(join(folder, `page-${name}`), isWhole);
}
