// The last hour: tasks a second as columns of half a minute, and what waited as a line.

import { rateText } from "./amounts.js";
import { count, duration, make, setAttribute, setText } from "./core.js";

/** @typedef {[at: number, done: number, failed: number, busy: number, slots: number, waiting: number]} Point */

const POINT_MS = 30000;
const POINTS = 120;
const HOUR_HEIGHT = 56;

/** @param {number[]} values */
const highest = (values) => Math.max(1, ...values);

export class Hour {
  /** @param {() => number} now @param {AbortSignal} signal */
  constructor(now, signal) {
    this.now = now;
    /** @type {Point[]} */
    this.points = [];
    this.cursor = -1;
    this.element = make("div", "nbt-hour");
    this.canvas = make("canvas", "nbt-canvas");
    this.hint = make("div", "nbt-hint");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.element.append(make("div", "nbt-table-title", "Last hour"), this.canvas, this.hint);
    const observer = new ResizeObserver(() => this.paint());
    observer.observe(this.element);
    signal.addEventListener("abort", () => observer.disconnect());
    /** @param {number} cursor */
    const point = (cursor) => {
      this.cursor = cursor;
      this.paint();
    };
    const { canvas } = this;
    canvas.addEventListener("pointerleave", () => point(-1), { signal });
    canvas.addEventListener("blur", () => point(-1), { signal });
    canvas.addEventListener(
      "pointermove",
      (event) => point(Math.floor((event.offsetX / canvas.clientWidth) * POINTS)),
      { signal },
    );
    canvas.addEventListener(
      "keydown",
      (event) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const from = this.cursor < 0 ? POINTS : this.cursor;
        point(Math.max(0, Math.min(POINTS - 1, from + step)));
      },
      { signal },
    );
  }

  /** @param {Point[]} points */
  show(points) {
    this.points = points;
    this.element.hidden = points.length === 0;
    const sum = (/** @type {number} */ field) =>
      points.reduce((total, point) => total + (point[field] ?? 0), 0);
    const text = `Last hour: ${count(sum(1))} tasks done, ${count(sum(2))} failed`;
    const most = `, at most ${count(Math.max(0, ...points.map((point) => point[5])))} waiting`;
    setAttribute(this.canvas, "aria-label", `${text}${most}; arrow keys go through it`);
    this.paint();
  }

  /** Which column a time belongs to; the newest is the last. @param {number} at */
  #column(at) {
    const newest = Math.floor(this.now() / POINT_MS);
    return POINTS - 1 - (newest - Math.floor(at / POINT_MS));
  }

  paint() {
    const context = this.canvas.getContext("2d");
    const width = Math.max(240, this.element.clientWidth || 640);
    if (!context) return;
    const ratio = devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = HOUR_HEIGHT * ratio;
    this.canvas.style.width = `${width}px`;
    this.canvas.style.height = `${HOUR_HEIGHT}px`;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(this.element);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--nbt-${name}`).trim();
    const [wide, most] = [width / POINTS, highest(this.points.map((point) => point[1]))];
    const waits = highest(this.points.map((point) => point[5]));
    context.strokeStyle = colour("retry-ink") || "#888";
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [at, done, failed, , , waiting] of this.points) {
      const column = this.#column(at);
      const [left, tall] = [column * wide, ((HOUR_HEIGHT - 4) * done) / most];
      const bad = failed ? Math.max(2, ((HOUR_HEIGHT - 4) * failed) / most) : 0;
      context.globalAlpha = this.cursor < 0 || this.cursor === column ? 1 : 0.5;
      context.fillStyle = colour("success") || "#888";
      context.fillRect(left, HOUR_HEIGHT - tall, wide - 1, tall);
      context.fillStyle = colour("failure") || "#888";
      context.fillRect(left, HOUR_HEIGHT - bad, wide - 1, bad);
      context.lineTo(left + wide / 2, HOUR_HEIGHT - 2 - ((HOUR_HEIGHT - 6) * waiting) / waits);
    }
    context.globalAlpha = 1;
    if (this.points.some((point) => point[5])) context.stroke();
    setText(this.hint, this.#sentence(most, waits));
  }

  /** @param {number} most @param {number} waits */
  #sentence(most, waits) {
    const rate = (/** @type {number} */ n) => rateText((n * 1000) / POINT_MS) || "none";
    if (this.cursor < 0) {
      const waited = waits > 1 ? ` · line: what waited, up to ${count(waits)}` : "";
      return `columns: done, up to ${rate(most)}, and failed${waited}`;
    }
    const found = this.points.find(([at]) => this.#column(at) === this.cursor);
    const ago = `${duration((POINTS - 1 - this.cursor) * POINT_MS, true)} ago`;
    if (!found) return `${ago} · no worker was there`;
    const [, done, failed, busy, slots, waiting] = found;
    const used = `${busy.toFixed(1)} of ${slots.toFixed(0)} slots busy`;
    const bad = failed ? `${count(failed)} failed · ` : "";
    return `${ago} · ${rate(done)} done · ${bad}${count(waiting)} waiting · ${used}`;
  }
}
