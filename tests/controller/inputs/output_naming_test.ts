/** The names of outputs by a template. */

import assert from "node:assert/strict";
import { OutputNaming, reasonAgainst } from "../../../controller/inputs/output_naming.ts";
import { SourceError } from "../../../controller/inputs/source.ts";
import fc from "../../lib/properties.ts";
import { test } from "../../lib/test.ts";

test("a template names the file, and its folders stay", () => {
  const cases = [
    ["{stem}.png", "a/b.tar.gz", "a/b.tar.png"],
    ["{stem}.png", "plain", "plain.png"],
    ["{stem}.png", ".profile", ".profile.png"],
    ["{name}.out", "a/b.dat", "a/b.dat.out"],
    ["{ext}/{stem}-{ext}", "a/b.dat", "a/dat/b-dat"],
    ["{stem}{stem}", "$&/$1.x", "$&/$1$1"],
  ] as const;
  for (const [template, name, output] of cases) {
    assert.equal(OutputNaming.of(template).outputOf(name), output);
  }
  assert.equal(OutputNaming.withSuffix(".$1").outputOf("a/b.dat"), "a/b.dat.$1");
  assert.equal(OutputNaming.SAME.outputOf("a/b.dat"), "a/b.dat");
});

test("a template that cannot name outputs is refused with the reason", () => {
  const refusals = [
    ["out.png", /gives all outputs one name; put \{name\} or \{stem\} into it/],
    ["{stem}{index}", /has an unknown \{index\}; \{name\} is the input's name/],
    ["{stem}{", /has an unknown \{/],
    ["{stem}}", /has an unknown \}/],
    ["", /gives all outputs one name/],
    ...["/{stem}", "../{stem}", "{stem}/..", "{stem}/", "a//{stem}", "./{stem}"].map((template) =>
      [template, /leads out of the output folder, or to a folder/] as const
    ),
  ] as const;
  for (const [template, reason] of refusals) {
    assert.throws(() => OutputNaming.of(template), (error) => isRefusal(error, reason));
  }
  for (const suffix of ["", "/x", "{", "a/b"]) {
    assert.throws(() => OutputNaming.withSuffix(suffix), (error) => isRefusal(error, /--suffix/));
  }
});

test("a name that leads out of the output folder, or into distcomp's own, is no name", () => {
  const naming = OutputNaming.of("{stem}");
  assert.match(reasonAgainst(naming.outputOf("..hidden")) ?? "", /cannot be called "\."/);
  assert.match(reasonAgainst(naming.outputOf(".distcomp.x")) ?? "", /cannot be called ".distcomp"/);
  assert.match(reasonAgainst(naming.outputOf(".DistComp.x")) ?? "", /cannot be called ".DistComp"/);
  assert.equal(reasonAgainst(naming.outputOf("a/.distcomp.x")), undefined);
});

test("no input makes a usable name that leads out of the output folder", () => {
  const part = fc.stringMatching(/^[a.]{1,4}$/).filter((text) => text !== "." && text !== "..");
  const template = fc.constantFrom("{stem}", "{name}", ".{ext}{stem}", "{ext}/{stem}", "x{stem}");
  fc.assert(fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), template, (parts, text) => {
    const output = OutputNaming.of(text).outputOf(parts.join("/"));
    if (reasonAgainst(output) !== undefined) return;
    assert.equal(new URL(output, "file:///out/").pathname, `/out/${output}`);
  }));
});

test("the number is found again in the name of a numbered output", () => {
  for (const template of ["{name}", "{stem}.png", "+{stem}({name})", "{ext}{name}.{ext}"]) {
    const naming = OutputNaming.of(template);
    assert.equal(naming.numberIn(naming.outputOf("000123")), "000123");
    for (const other of ["000123.x", "x000123", "", "000123-000124"]) {
      assert.equal(naming.numberIn(other), undefined, `${template}: ${other}`);
    }
  }
  assert.equal(OutputNaming.of("{name}-{name}").numberIn("1-2"), undefined);
});

function isRefusal(error: unknown, reason: RegExp): boolean {
  assert(error instanceof SourceError);
  assert.match(error.message, reason);
  return true;
}
