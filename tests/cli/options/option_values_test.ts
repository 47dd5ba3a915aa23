/** Values of options: any text is a value that can be used, or one error. */

import assert from "node:assert/strict";
import {
  parseCount,
  parseFailureLimit,
  parseMemory,
  parseSlots,
  parseTimeout,
  parseTimeSpan,
  parseVerify,
} from "../../../cli/options/option_values.ts";
import { UsageError } from "../../../cli/program/usage_error.ts";
import fc from "../../lib/properties.ts";
import { runs } from "../../lib/random.ts";
import { test } from "../../lib/test.ts";

const HOUR_MS = 3_600_000;
const MIB = 1024 * 1024;

/** Texts that are nearly right more often than texts of any kind. */
const anyDigits = fc.oneof(
  fc.nat().map(String),
  fc.bigInt({ min: 0n, max: 2n ** 70n }).map(String),
  fc.integer({ min: 1, max: 400 }).map((count) => "9".repeat(count)),
);
const anyNumber = fc.oneof(
  anyDigits,
  fc.tuple(anyDigits, anyDigits).map(([whole, part]) => `${whole}.${part}`),
  fc.double().map(String),
);
const anyUnit = fc.constantFrom(
  "",
  "ms",
  "s",
  "m",
  "h",
  "d",
  "w",
  "y",
  "%",
  "k",
  "M",
  "GiB",
  "Tb",
  "x",
);
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.tuple(fc.constantFrom("", " ", "-", "+", "0x"), anyNumber, fc.constantFrom("", " "), anyUnit)
    .map((parts) => parts.join("")),
);

/** Each option, and whether a value of it can be used. */
const OPTIONS: [string, (text: string) => unknown, (value: never) => boolean][] = [
  ["--slots", parseSlots, (value: number) => isWhole(value, 1) && value <= 4096],
  ["--retries", (text) => parseCount("--retries", 0, text), (value: number) => isWhole(value, 0)],
  ["--timeout", parseTimeout, (value: number) => isWhole(value, 1)],
  ["--memory", parseMemory, (value: number) => isWhole(value, 64 * MIB)],
  ["--verify", parseVerify, (value: number) => value > 0 && value <= 1],
  [
    "--max-failures",
    parseFailureLimit,
    ({ unit, max }: { unit: string; max: number }) =>
      unit === "jobs" ? isWhole(max, 0) : unit === "percent" && max >= 0 && max <= 100,
  ],
];

for (const [option, parse, isUsable] of OPTIONS) {
  test(`any text for ${option} gives a value that can be used, or an error that names both`, () => {
    fc.assert(
      fc.property(anyText, (text) => {
        try {
          assert(isUsable(parse(text) as never));
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          assert(error instanceof UsageError);
          assert(error.message.startsWith(option) && error.message.includes(`"${text}"`));
        }
      }),
      runs(300),
    );
  });
}

test("a time and a size are accepted up to what fits into a message exactly", () => {
  assert.equal(parseTimeout("2501999792h"), 2_501_999_792 * HOUR_MS);
  assert.throws(() => parseTimeout("2501999793h"), UsageError);
  assert.equal(parseMemory("8589934591M"), 8_589_934_591 * MIB);
  assert.throws(() => parseMemory("8589934592M"), UsageError);
});

test("a value that is too large for an option is refused with the largest one", () => {
  const huge = "9".repeat(21);
  const refusals: [string, (text: string) => unknown, string, string][] = [
    ["--retries", (text) => parseCount("--retries", 0, text), huge, "9007199254740991"],
    ["--max-failures", parseFailureLimit, huge, "9007199254740991"],
    ["--timeout", parseTimeout, huge, "104249991d"],
    ["--timeout", parseTimeout, "104249992d", "104249991d"],
    ["--time-limit", (text) => parseTimeSpan("--time-limit", text), `${huge}d`, "104249991d"],
    ["--memory", parseMemory, "8192T", "8191T"],
  ];
  for (const [option, parse, text, max] of refusals) {
    assert.throws(() => parse(text), {
      message: `${option} must be at most ${max}, not "${text}"`,
    });
  }
  assert.equal(parseTimeout("104249991d"), 104_249_991 * 24 * HOUR_MS);
  assert.equal(parseMemory("8191T"), 8191 * MIB ** 2);
});

function isWhole(value: number, min: number): boolean {
  return Number.isSafeInteger(value) && value >= min;
}
