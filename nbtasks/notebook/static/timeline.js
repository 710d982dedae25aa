// The task stream: a row for each slot, the last minute from left to right, on a canvas.

import {
  COLOURS,
  count,
  duration,
  FAILURE,
  GLYPHS,
  make,
  STARTED,
  setAttribute,
  setText,
  WORDS,
} from "./core.js";
import { actButton, Mark, plainButton } from "./parts.js";

/** @typedef {[id: number, worker: string, row: number, start: number, end: number, code: number, n: number, name: string, task: string]} Bar `task`: the id of what runs or has failed */

const SPAN_MS = 60000;
const GUTTER = 128;
const LEAST = 2;
const MOST_HEIGHT = 260;

/** The pixels of a row. @param {number} rows */
const rowHeight = (rows) => Math.max(3, Math.min(16, Math.floor(MOST_HEIGHT / Math.max(1, rows))));

/** @param {Bar} bar @param {number} now */
function sentence([, worker, , start, end, code, n, name], now) {
  const many = n > 1 ? ` × ${count(n)}` : "";
  const took = duration((end || now) - start);
  return `${GLYPHS[code]} ${WORDS[code]} · ${name || "?"}${many} · ${took} · ${worker}`;
}

export class Timeline {
  /**
   * @param {import("./channel.js").Channel<any>} link
   * @param {(text: string) => void} note @param {AbortSignal} signal
   */
  constructor(link, note, signal) {
    this.now = () => link.now();
    /** @type {Map<number, Bar>} */
    this.bars = new Map();
    /** @type {[worker: string, slots: number][]} */
    this.workers = [];
    /** @type {Map<string, number>} where the rows of a worker begin */
    this.offsets = new Map();
    this.rows = 0;
    this.width = 0;
    /** @type {string[]} */
    this.palette = [];
    this.ink = "#888";
    this.line = "#888";
    this.cursor = 0;
    this.element = make("div", "nbt-stream");
    this.canvas = make("canvas", "nbt-canvas");
    this.hint = make("div", "nbt-hint");
    const axis = make("div", "nbt-axis");
    for (const text of ["60 s ago", "45 s", "30 s", "15 s", "now"])
      axis.append(make("span", "", text));
    axis.setAttribute("aria-hidden", "true");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.element.append(
      make("div", "nbt-table-title", "Last minute"),
      this.canvas,
      axis,
      this.hint,
    );
    this.chosen = new OneBar(link, note, signal, () => this.canvas.focus());
    this.element.append(this.chosen.element);
    this.#listen(signal);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const observer = new ResizeObserver(() => this.layout());
    observer.observe(this.element);
    signal.addEventListener("abort", () => observer.disconnect());
    const { canvas } = this;
    const over = (/** @type {MouseEvent} */ event) => {
      this.cursor = this.#at(event)?.[0] ?? 0;
      this.paint();
    };
    canvas.addEventListener("pointermove", over, { signal });
    const leave = () => {
      this.cursor = 0;
      this.paint();
    };
    const part = () => canvas.matches(":focus-visible") || leave(); // keys go through it: stay
    canvas.addEventListener("pointerleave", part, { signal });
    canvas.addEventListener("blur", leave, { signal });
    canvas.addEventListener("keydown", (event) => this.#key(event), { signal });
    canvas.addEventListener("click", (event) => this.chosen.open(this.#at(event)), { signal });
  }

  /** Through the bars, in the order in which they began. @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step && event.key !== "Enter") return;
    event.preventDefault(); // else Enter would press the button that gets the focus
    if (!step) {
      this.chosen.open(this.bars.get(this.cursor), true);
      return;
    }
    const found = [...this.bars.values()].sort((one, other) => one[3] - other[3]);
    const at = found.findIndex(([id]) => id === this.cursor);
    const next = at < 0 ? found.length - 1 : Math.max(0, Math.min(found.length - 1, at + step));
    this.cursor = found[next]?.[0] ?? 0;
    this.paint();
  }

  /** The bar under the pointer. @param {MouseEvent} event @returns {Bar | undefined} */
  #at(event) {
    const now = this.now();
    const row = Math.floor(event.offsetY / rowHeight(this.rows));
    /** @type {Bar | undefined} */
    let found;
    for (const bar of this.bars.values()) {
      if (this.#row(bar) !== row) continue;
      const [left, width] = this.#extent(bar, now);
      if (event.offsetX >= left - 1 && event.offsetX <= left + width + 1) found = bar;
    }
    return found;
  }

  /** @param {Bar} bar */
  #row(bar) {
    return (this.offsets.get(bar[1]) ?? 0) + bar[2];
  }

  /** @param {Bar} bar @param {number} now @returns {[left: number, width: number]} */
  #extent([, , , start, end], now) {
    const room = this.width - GUTTER;
    const scale = room / SPAN_MS;
    const left = Math.max(0, room - (now - start) * scale);
    const right = end ? room - (now - end) * scale : room;
    return [GUTTER + Math.min(left, room - LEAST), Math.max(LEAST, right - left)];
  }

  /** @param {Bar[]} bars @param {{name: string, slots: number}[]} workers */
  show(bars, workers) {
    for (const bar of bars) this.bars.set(bar[0], bar);
    const past = this.now() - SPAN_MS;
    /** @type {Map<string, number>} */
    const slots = new Map(workers.map((worker) => [worker.name, worker.slots]));
    for (const [id, [, worker, row, , end]] of this.bars) {
      if (end && end < past) this.bars.delete(id);
      else slots.set(worker, Math.max(row + 1, slots.get(worker) ?? 0));
    }
    this.workers = [...slots];
    this.offsets.clear();
    this.rows = 0;
    for (const [worker, rows] of slots) {
      this.offsets.set(worker, this.rows);
      this.rows += rows;
    }
    this.element.hidden = this.rows === 0;
    this.chosen.show(this.bars);
    this.layout();
    this.#describe();
  }

  #describe() {
    const n = [...this.bars.values()].reduce((sum, bar) => sum + bar[6], 0);
    const failed = [...this.bars.values()].filter((bar) => bar[5] === FAILURE).length;
    const more = failed ? `, ${count(failed)} failed` : "";
    const text = `Task stream: ${count(n)} tasks in the last minute${more}`;
    setAttribute(this.canvas, "aria-label", `${text}; arrow keys go through them, Enter opens one`);
  }

  recolour() {
    const style = getComputedStyle(this.element);
    this.palette = COLOURS.map((name) => style.getPropertyValue(`--nbt-${name}`).trim() || "#888");
    this.ink = style.color || "#888";
    this.line = style.getPropertyValue("--nbt-outline").trim() || "#888";
    this.paint();
  }

  layout() {
    this.width = Math.max(240, this.element.clientWidth || 640);
    const height = Math.max(1, this.rows) * rowHeight(this.rows);
    const ratio = devicePixelRatio || 1;
    if (this.canvas.width !== this.width * ratio || this.canvas.height !== height * ratio) {
      this.canvas.width = this.width * ratio;
      this.canvas.height = height * ratio;
      this.canvas.style.width = `${this.width}px`;
      this.canvas.style.height = `${height}px`;
    }
    this.paint();
  }

  paint() {
    const context = this.canvas.getContext("2d");
    if (!context || !this.palette.length) return;
    const ratio = devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.canvas.height);
    this.#names(context);
    const now = this.now();
    const bars = [...this.bars.values()];
    for (const bar of bars) if (bar[5] !== FAILURE) this.#draw(context, bar, now);
    for (const bar of bars) if (bar[5] === FAILURE) this.#draw(context, bar, now);
    const told = this.bars.get(this.cursor);
    setText(this.hint, told ? sentence(told, now) : " ");
  }

  /** @param {CanvasRenderingContext2D} context @param {Bar} bar @param {number} now */
  #draw(context, bar, now) {
    const [left, width] = this.#extent(bar, now);
    const height = rowHeight(this.rows);
    const gap = height > 5 ? 2 : 1;
    const top = this.#row(bar) * height + gap / 2;
    context.fillStyle = this.palette[bar[5]] ?? this.line;
    context.fillRect(left, top, width, height - gap);
    if (bar[0] !== this.cursor) return;
    context.strokeStyle = this.ink;
    context.lineWidth = 2;
    context.strokeRect(left - 1, top, width + 2, height - gap);
  }

  /** @param {CanvasRenderingContext2D} context */
  #names(context) {
    const height = rowHeight(this.rows);
    context.font = "11px system-ui, sans-serif";
    context.textBaseline = "middle";
    let bottom = -1;
    for (const [worker, slots] of this.workers) {
      const top = (this.offsets.get(worker) ?? 0) * height;
      context.globalAlpha = 0.25;
      context.fillStyle = this.line;
      context.fillRect(0, top, this.width, 1);
      context.globalAlpha = 1;
      const middle = top + (slots * height) / 2;
      if (middle - 6 < bottom) continue; // no room for its name
      bottom = middle + 6;
      context.fillStyle = this.ink;
      context.fillText(worker, 0, middle, GUTTER - 8);
    }
  }
}

/** A bar that was chosen: which task it is, and the end of it. */
class OneBar {
  /**
   * @param {import("./channel.js").Channel<any>} link
   * @param {(text: string) => void} note @param {AbortSignal} signal @param {() => void} left
   */
  constructor(link, note, signal, left) {
    this.link = link;
    this.left = left;
    /** @type {Bar | undefined} */
    this.bar = undefined;
    this.task = "";
    this.element = make("div", "nbt-chosen");
    this.mark = new Mark();
    this.name = make("bdi", "nbt-strong");
    this.words = make("span", "nbt-facts");
    this.end = actButton({
      text: "Terminate",
      label: "Terminate this task",
      sure: () => "Sure?",
      act: (report) => link.ask({ t: "revoke", task_id: this.task }, report),
      note,
      signal,
    });
    const close = () => {
      this.open(undefined);
      this.left();
    };
    this.close = plainButton("✕", "", close, signal);
    this.close.classList.add("nbt-small");
    setAttribute(this.close, "aria-label", "Close");
    const leave = (/** @type {KeyboardEvent} */ event) => event.key === "Escape" && close();
    this.element.addEventListener("keydown", leave, { signal });
    this.element.append(this.mark.element, this.name, this.words, this.end, this.close);
    this.open(undefined);
  }

  /** @param {Bar | undefined} bar @param {boolean} [focus] */
  open(bar, focus = false) {
    this.bar = bar?.[8] ? bar : undefined;
    this.show(new Map());
    if (this.bar && focus) (this.end.hidden ? this.close : this.end).focus();
  }

  /** @param {Map<number, Bar>} bars */
  show(bars) {
    this.bar = bars.get(this.bar?.[0] ?? 0) ?? this.bar;
    this.element.hidden = !this.bar;
    if (!this.bar) return;
    const [, worker, , start, end, code, , name, task] = this.bar;
    this.task = task || this.task;
    this.mark.show(code);
    setText(this.name, name || "?");
    const took = duration((end || this.link.now()) - start, !end);
    setText(this.words, `${this.task} · ${took} · ${worker}`);
    this.end.hidden = this.link.over || code !== STARTED;
  }
}
