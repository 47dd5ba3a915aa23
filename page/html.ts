/**
 * HTML from templates. Whatever is put into one is escaped, so the name of a job, or what it printed, is never markup.
 *
 * ```ts
 * import assert from "node:assert/strict";
 * import { html } from "./html.ts";
 *
 * assert.equal(html`<td title=${"a\"b"}>${"</td><script>"}`.text, '<td title="a&quot;b">&lt;/td&gt;&lt;script&gt;');
 * ```
 */

import { createHash } from "node:crypto";
import { shownName } from "../runtime/files/file_name.ts";
import { oneLine } from "../system/printable.ts";

/** Text that is HTML already. */
export class Html {
  constructor(readonly text: string) {}
}

/** What a template takes. Texts and numbers are escaped; nothing is written for `undefined`. */
export type HtmlValue = Html | string | number | undefined | readonly HtmlValue[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Makes HTML of a template. A value behind `=` becomes an attribute's value in quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const texts = parts.map((part, index) => {
    if (index === values.length) return part;
    const text = textOf(values[index]);
    return part.endsWith("=") ? `${part}"${text}"` : part + text;
  });
  return new Html(texts.join(""));
}

/** Untrusted text as one line, without characters that are not seen or change the order of others. */
export function shown(text: string): string {
  return oneLine(shownName(text)).toWellFormed();
}

/** Data for the scripts of a page: `JSON.parse(document.getElementById(id).textContent)`. */
export function dataScript(id: string, value: unknown): Html {
  const text = JSON.stringify(value).replaceAll("<", "\\u003c"); // it must not end the element
  return html`<script type="application/json" id=${id}>${new Html(text)}</script>`;
}

/** A script that is part of the page. The text is ours, and must not contain the end of its element. */
export function inlineScript(text: string): Html {
  return new Html(`<script>${text}</script>`);
}

/** What a browser may run and show in a page: these scripts of the page itself, and nothing from anywhere else. */
export function contentPolicy(scripts: readonly string[], styles: readonly string[]): Html {
  const policy = `default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; ` +
    `script-src ${scripts.map(hashOf).join(" ")}; style-src ${styles.map(hashOf).join(" ")}`;
  return new Html(`<meta http-equiv="Content-Security-Policy" content="${policy}">`);
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function textOf(value: HtmlValue): string {
  if (value === undefined) return "";
  if (value instanceof Html) return value.text;
  if (typeof value === "object") return value.map(textOf).join("");
  return String(value).replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}
