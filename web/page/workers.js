/** The workers, each with its slots as squares. */

import { formatDuration, formatNoun, formatRate, shown } from "./format.js";
import { byId, setText, textElement } from "./tables.js";

/** @typedef {import("../../watch/snapshot.ts").WorkerEntry} WorkerEntry */

/** The side of a square and the gap behind it, in pixels. */
const SQUARE_PX = 10;
const STEP_PX = 13;

/** So many squares a row has at most. */
const COLUMNS_MAX = 16;

/** A worker with more slots has a bar instead of squares. */
const SQUARES_MAX = 256;

/** Ages from which a job has another color. */
const OLDER_MS = 10_000;
const OLDEST_MS = 60_000;

/** The list of workers. */
export class WorkerGrid {
  #list = byId("grid");
  #filter = /** @type {HTMLInputElement} */ (byId("filter"));
  /** @type {Map<string, WorkerCard>} */
  #cards = new Map();
  /** @type {readonly WorkerEntry[]} */
  #workers = [];
  #total = 0;
  #at = 0;

  constructor() {
    this.#filter.addEventListener("input", () => this.#draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const card of this.#cards.values()) card.onColors();
      this.#draw();
    });
  }

  /**
   * @param {readonly WorkerEntry[]} workers
   * @param {number} total
   * @param {number} at
   */
  show(workers, total, at) {
    this.#workers = workers;
    this.#total = total;
    this.#at = at;
    this.#draw();
  }

  #draw() {
    const wanted = this.#filter.value.trim().toLowerCase();
    // In an order that stays: who looks at one worker should find it again.
    const workers = this.#workers
      .filter(({ name, address }) => `${name} ${address}`.toLowerCase().includes(wanted))
      .toSorted((one, other) =>
        compare(one.name, other.name) || compare(one.address, other.address)
      );
    const seen = new Set();
    for (const worker of workers) {
      const key = `${worker.address} ${worker.name} ${worker.connectedAt}`;
      seen.add(key);
      const card = this.#cards.get(key) ?? new WorkerCard();
      this.#cards.set(key, card);
      card.show(worker, this.#at);
      if (this.#list.children[seen.size - 1] !== card.element) {
        this.#list.insertBefore(card.element, this.#list.children[seen.size - 1] ?? null);
      }
    }
    for (const [key, card] of this.#cards) {
      if (seen.has(key)) continue;
      card.element.remove();
      this.#cards.delete(key);
    }
    setText(byId("workers-text"), this.#summary(workers.length));
  }

  /** @param {number} found */
  #summary(found) {
    if (this.#total === 0) return "No worker is connected.";
    const slots = this.#workers.reduce((sum, worker) => sum + worker.slots, 0);
    if (this.#filter.value.trim() !== "") return `${formatNoun(found, "worker")} found.`;
    return this.#total > this.#workers.length
      ? `The ${formatNoun(this.#workers.length, "busiest worker")} of ${this.#total}.`
      : `${formatNoun(this.#total, "worker")}, ${formatNoun(slots, "slot")}.`;
  }
}

/**
 * `node2` before `node10`.
 * @param {string} one
 * @param {string} other
 */
function compare(one, other) {
  return one.localeCompare(other, "en", { numeric: true });
}

/** One worker. */
class WorkerCard {
  element = document.createElement("li");
  #name = textElement("strong", "");
  #state = textElement("span", "", "state");
  #figures = textElement("span", "", "quiet");
  #canvas = document.createElement("canvas");
  #drawn = "";
  /** @type {WorkerEntry | undefined} */
  #worker;
  #at = 0;

  constructor() {
    this.#canvas.setAttribute("role", "img");
    this.#canvas.addEventListener("mousemove", (event) => this.#onPointed(event));
    const head = document.createElement("div");
    head.className = "card-head";
    head.append(this.#name, this.#state);
    this.element.append(head, this.#canvas, this.#figures);
  }

  /** The colors of the page have changed. */
  onColors() {
    this.#drawn = "";
  }

  /**
   * @param {WorkerEntry} worker
   * @param {number} at
   */
  show(worker, at) {
    this.#worker = worker;
    this.#at = at;
    const { name, address, state, slots, slotsBusy, jobsPerSecond, software, platform } = worker;
    setText(this.#name, shown(name));
    setText(this.#state, state === "ready" ? "" : state);
    this.element.title = [shown(address), shown(platform), shown(software)].filter((text) =>
      text !== ""
    ).join("\n");
    this.element.classList.toggle("away", state !== "ready");
    setText(
      this.#figures,
      `${slotsBusy} of ${formatNoun(slots, "slot")} busy, ${formatRate(jobsPerSecond)} jobs/s`,
    );
    this.#canvas.setAttribute(
      "aria-label",
      `${slotsBusy} of ${formatNoun(slots, "slot")} have a job`,
    );
    this.#draw();
  }

  #draw() {
    const colors = this.#squares();
    const drawn = `${devicePixelRatio} ${colors.join()}`;
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const columns = Math.min(COLUMNS_MAX, Math.max(1, colors.length));
    const rows = Math.max(1, Math.ceil(colors.length / columns));
    const [width, height] = [columns * STEP_PX, rows * STEP_PX];
    this.#canvas.width = width * devicePixelRatio;
    this.#canvas.height = height * devicePixelRatio;
    this.#canvas.style.width = `${width}px`;
    this.#canvas.style.height = `${height}px`;
    const context = this.#canvas.getContext("2d");
    if (!context) return;
    context.scale(devicePixelRatio, devicePixelRatio);
    const style = getComputedStyle(document.documentElement);
    colors.forEach((name, index) => {
      context.fillStyle = style.getPropertyValue(name);
      const [x, y] = [index % columns * STEP_PX, Math.floor(index / columns) * STEP_PX];
      context.fillRect(x, y, SQUARE_PX, SQUARE_PX);
    });
  }

  /** The color of each slot: those that have a job come first. Many slots share a square. */
  #squares() {
    const { slots = 0, slotsBusy = 0, jobs = [] } = this.#worker ?? {};
    const each = Math.max(1, Math.ceil(slots / SQUARES_MAX));
    return Array.from({ length: Math.ceil(slots / each) }, (_, index) => {
      if (index * each >= slotsBusy) return "--idle";
      const job = jobs[index * each];
      const ageMs = job ? this.#at - job.beganAt : 0;
      return ageMs >= OLDEST_MS ? "--oldest" : ageMs >= OLDER_MS ? "--older" : "--new";
    });
  }

  /**
   * Says which job the slot has that is pointed at.
   * @param {MouseEvent} event
   */
  #onPointed(event) {
    const { slots = 0, slotsBusy = 0, jobs = [] } = this.#worker ?? {};
    const each = Math.max(1, Math.ceil(slots / SQUARES_MAX));
    const column = Math.floor(event.offsetX / STEP_PX);
    const index = each * (Math.floor(event.offsetY / STEP_PX) * COLUMNS_MAX + column);
    const job = jobs[index];
    this.#canvas.title = job
      ? `${shown(job.name)}, for ${formatDuration(this.#at - job.beganAt)}`
      : index < slotsBusy
      ? "busy"
      : index < slots
      ? "idle"
      : "";
  }
}
