/** Sizes in messages. */

import assert from "node:assert/strict";
import { sizeText } from "../../system/size_text.ts";
import { test } from "../lib/test.ts";

test("a size has three digits, or is whole, in the largest unit of which it has one", () => {
  const sizes: [number, string][] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [2 ** 30 - 1, "1 GiB"],
    [2 ** 20 - 500, "1 MiB"],
    [1024, "1 KiB"],
    [123_456_789, "118 MiB"],
    [1.5 * 1024 ** 4, "1.5 TiB"],
    [64 * 1024 ** 3, "64 GiB"],
    [2 ** 60, "1048576 TiB"],
  ];
  for (const [bytes, text] of sizes) assert.equal(sizeText(bytes), text);
});
