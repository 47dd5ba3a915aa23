import assert from "node:assert/strict";
import { dataScript, html, shown } from "../../page/html.ts";
import { test } from "../lib/test.ts";

test("what is put into a template of HTML is text, in elements and in attributes", () => {
  const name = `</script><script>alert('1')</script>"&`;
  const { text } = html`<b title=${name}>${name}</b>`;
  const escaped = "&lt;/script&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;&amp;";
  assert.equal(text, `<b title="${escaped}">${escaped}</b>`);
});

test("lists of templates are put in as they are, and nothing is written for undefined", () => {
  assert.equal(
    html`<ul>${[1, "<"].map((it) => html`<li>${it}`)}${undefined}</ul>`.text,
    "<ul><li>1<li>&lt;</ul>",
  );
});

test("data for a script cannot end its element, and comes back as it was", () => {
  const data = { name: "</script><!--<script>" };
  const { text } = dataScript("data", data);
  const inside = /^<script type="application\/json" id="data">(.*)<\/script>$/.exec(text)?.[1];
  assert(inside !== undefined && !inside.includes("<"));
  assert.deepEqual(JSON.parse(inside), data);
});

test("names that are not UTF-8, and characters that change the order of others, are shown as what they are", () => {
  assert.equal(shown("caf\udce9\u202etxt\n<b>"), "caf\\xe9 txt <b>");
  assert.equal(shown("\ud800"), "\ufffd");
});
