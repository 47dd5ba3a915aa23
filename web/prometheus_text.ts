/** Writes figures in the text format of Prometheus, version 0.0.4. */

/** The type of such a text. */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The labels of a value, by their names. */
export type Labels = Readonly<Record<string, string>>;

interface Figure {
  readonly head: string;
  /** The values by their names and labels, as they are written. */
  readonly values: Map<string, number>;
}

/**
 * Collects figures. All values of one stand together, wherever they were added. Values with the same labels are added
 * up: Prometheus takes nothing of a text that has a series twice.
 */
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
    return [...this.#figures.values()].map(figureText).join("\n");
  }

  #add(type: string, name: string, help: string, value: number, labels: Labels): void {
    const figure = this.#figures.get(name) ??
      { head: `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`, values: new Map() };
    this.#figures.set(name, figure);
    const series = `${name}${labelsText(labels)}`;
    figure.values.set(series, (figure.values.get(series) ?? 0) + value);
  }
}

function figureText({ head, values }: Figure): string {
  return head + [...values].map(([series, value]) => `${series} ${value}\n`).join("");
}

function labelsText(labels: Labels): string {
  const texts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return texts.length === 0 ? "" : `{${texts.join(",")}}`;
}

/** A value of a label may have any characters of Unicode but NUL. Three are written with a backslash. */
function escaped(value: string): string {
  return value.toWellFormed().replaceAll("\0", " ").replace(/\\/g, "\\\\")
    .replace(/\n/g, "\\n").replace(/"/g, '\\"');
}
