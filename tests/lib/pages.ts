/** The project's pages, for tests that compare them with the program. */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The pages for users. */
export const USER_PAGES: readonly string[] = [
  "README.md",
  ...pagesIn("docs"),
  "examples/mandelbrot/README.md",
  "examples/zstd/README.md",
];

/** All pages. */
export const PAGES: readonly string[] = [
  ...pagesIn("."),
  ...pagesIn("docs"),
  "protocol/PROTOCOL.md",
  "examples/mandelbrot/README.md",
  "examples/zstd/README.md",
];

/** The text of a page. */
export function page(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** The code blocks of a page in a language, such as `sh`. */
export function blocks(path: string, language: string): string[] {
  const block = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, "gm");
  return [...page(path).matchAll(block)].map(([, text]) => text as string);
}

/** The targets of a page's links to other places of the project: a path from the project's folder, and `#…`. */
export function links(path: string): { file: string; anchor: string }[] {
  return [...page(path).matchAll(/(?:\]\(|src=")([^)\s"]+)/g)]
    .map(([, target]) => target as string)
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = "", anchor = ""] = target.split("#");
      return { file: file === "" ? path : join(dirname(path), file), anchor };
    });
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchors(path: string): string[] {
  return [...page(path).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-")
  );
}

function pagesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));
}
