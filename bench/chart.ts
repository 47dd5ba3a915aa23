/**
 * Draws docs/performance.svg from bench/results.json: how fast each contestant is, as a multiple of the one that all are
 * compared with, on a logarithmic scale.
 *
 *     deno task bench:chart [-o FILE] [RESULTS]
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { scaleLog } from "d3-scale";
import { ROOT } from "./programs.ts";
import { sizeText } from "../system/size_text.ts";
import type { Result, Results } from "./results.ts";

const NAME_PX = 150;
const BARS_PX = 430;
const VALUE_PX = 60;
const ROW_PX = 20;
const BAR_PX = 12;
const HEAD_PX = 44;
const FOOT_PX = 26;
const WIDTH_PX = NAME_PX + BARS_PX + VALUE_PX;

/** Gray text is readable on white and on black. */
const TEXT = "#777";
const COLORS: Readonly<Record<Result["group"], string>> = {
  distcomp: "#2f81f7",
  peer: "#9a8c7c",
  limit: "#c9b8a0",
};

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: "string", short: "o", default: join(ROOT, "docs/performance.svg") },
    },
  });
  const file = positionals[0] ?? join(ROOT, "bench/results.json");
  writeFileSync(values.output, chartOf(JSON.parse(readFileSync(file, "utf8"))));
}

/** The picture, as SVG. */
export function chartOf(results: Results): string {
  const sizes = [...new Set(results.results.map(({ bytes }) => bytes))];
  const panels: string[] = [];
  let top = 0;
  for (const bytes of sizes) {
    const rows = results.results.filter((one) => one.bytes === bytes && one.ratio !== null);
    panels.push(`<g transform="translate(0 ${top})">${panelOf(rows, bytes, results)}</g>`);
    top += HEAD_PX + rows.length * ROW_PX + FOOT_PX;
  }
  const { machine, measured_at: at } = results;
  const source = `${machine.cpus} CPUs (${machine.cpu}), load ${machine.load[0]}, ${
    at.slice(0, 10)
  }`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH_PX} ${top + ROW_PX}" ` +
    `role="img" font-family="sans-serif" font-size="12" fill="${TEXT}">`,
    `<title>Throughput of distcomp and others, ${escaped(results.compared_with)} = 1</title>`,
    ...panels,
    `<text x="0" y="${top + 8}" font-size="10">${escaped(source)}</text>`,
    "</svg>\n",
  ].join("\n");
}

function panelOf(rows: readonly Result[], bytes: number, { compared_with }: Results): string {
  const ratios = rows.map(({ ratio }) => ratio as number);
  const scale = scaleLog([Math.min(0.1, ...ratios), Math.max(10, ...ratios)], [0, BARS_PX]).nice();
  const [from, bottom] = [scale.range()[0] as number, rows.length * ROW_PX];
  const powers = scale.ticks().filter((tick) => Number.isInteger(Math.log10(tick)));
  const grid = powers.map((tick) => {
    const x = NAME_PX + scale(tick);
    const isOne = tick === 1;
    return `<line x1="${px(x)}" x2="${px(x)}" y1="0" y2="${bottom}" stroke="${TEXT}" ` +
      `stroke-opacity="${isOne ? 0.9 : 0.2}"/>` +
      `<text x="${px(x)}" y="${bottom + 14}" text-anchor="middle" font-size="10">${tick}</text>`;
  });
  const bars = rows.map(({ name, group, ratio }, index) => {
    const y = index * ROW_PX;
    const end = NAME_PX + scale(ratio as number);
    return `<text x="${NAME_PX - 8}" y="${y + 14}" text-anchor="end">${escaped(name)}</text>` +
      `<rect x="${NAME_PX + from}" y="${y + (ROW_PX - BAR_PX) / 2}" width="${px(end - NAME_PX)}" ` +
      `height="${BAR_PX}" fill="${COLORS[group]}"/>` +
      `<text x="${px(end + 4)}" y="${y + 14}" font-size="11">${ratio}</text>`;
  });
  const head = `${sizeText(bytes)} in, ${
    sizeText(bytes)
  } out: jobs per second, ${compared_with} = 1`;
  return `<text x="0" y="24" font-size="13" font-weight="bold">${escaped(head)}</text>` +
    `<g transform="translate(0 ${HEAD_PX - 6})">\n${[...grid, ...bars].join("\n")}\n</g>`;
}

function px(number: number): string {
  return number.toFixed(1);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
