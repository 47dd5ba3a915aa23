/** Writes figures in the text format of Prometheus, version 0.0.4. */

/** The type of such a text. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The labels of a value, by their names. */
export type Labels = Readonly<Record<string, string>>;

interface Figure {
  readonly head: string;
  readonly lines: string[];
}

/** Collects figures. All values of one stand together, wherever they were added. */
export class PrometheusText {
  readonly #figures = new Map<string, Figure>();

  /** A value that goes up and down. */
  gauge(name: string, help: string, value: number, labels: Labels = {}): void {
    this.#add("gauge", name, help, value, labels);
  }

  /** A value that only grows. */
  counter(name: string, help: string, value: number, labels: Labels = {}): void {
    this.#add("counter", name, help, value, labels);
  }

  /** All that was added, in the order in which figures were added first. */
  get text(): string {
    return [...this.#figures.values()]
      .map(({ head, lines }) => `${head}${lines.join("")}`)
      .join("\n");
  }

  #add(type: string, name: string, help: string, value: number, labels: Labels): void {
    const figure = this.#figures.get(name) ??
      { head: `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`, lines: [] };
    this.#figures.set(name, figure);
    figure.lines.push(`${name}${labelsText(labels)} ${value}\n`);
  }
}

function labelsText(labels: Labels): string {
  const texts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return texts.length === 0 ? "" : `{${texts.join(",")}}`;
}

/** A value of a label may have any characters but NUL. Three are written with a backslash. */
function escaped(value: string): string {
  return value.replaceAll("\0", " ").replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(
    /"/g,
    '\\"',
  );
}
