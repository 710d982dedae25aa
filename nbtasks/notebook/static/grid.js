// A heat grid: one cell for each task, on a canvas.

import {
  COLOURS,
  count,
  FAILURE,
  GLYPHS,
  isFinished,
  make,
  PROGRESS,
  STARTED,
  setText,
  WORDS,
} from "./core.js";

/** @typedef {import("./link.js").Link} Link */

const CELL_SIZES = [
  [600, 14],
  [2500, 8],
  [12000, 4],
  [60000, 3],
];
const MOST_CELLS = 250000;
const DIM = 0.15;
// Which state a cell for several tasks shows, by state: the highest.
const URGENCY = [2, 5, 6, 0, 7, 4, 3, 1];

/** @param {number} n */
export const cellSize = (n) => CELL_SIZES.find(([most = 0]) => n <= most)?.[1] ?? 2;

/** Where cells are tiny a failure fills its gap too, so that it is not lost. @param {number} size @param {number} code */
function gapOf(size, code) {
  if (size <= 2 || (size <= 4 && code === FAILURE)) return 0;
  return size <= 4 ? 1 : 2;
}

export class Grid {
  /**
   * @param {Link} link @param {AbortSignal} signal
   * @param {{select: (i: number) => void, announce: (text: string) => void,
   *   lets: (code: number) => boolean}} actions
   */
  constructor(link, signal, actions) {
    /** @type {Link} */
    this.link = link;
    this.actions = actions;
    this.n = link.state.n;
    this.size = cellSize(this.n);
    this.per = Math.ceil(this.n / MOST_CELLS);
    this.cells = Math.ceil(this.n / this.per);
    this.columns = 0;
    this.ratio = 1;
    this.outline = "";
    this.cursor = -1;
    /** @type {string[]} */
    this.palette = [];
    this.element = make("div", "nbt-grid");
    this.scroller = make("div", "nbt-grid-scroll");
    this.canvas = make("canvas", "nbt-canvas");
    this.ring = make("div", "nbt-ring");
    this.hint = make("div", "nbt-hint");
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "img");
    this.ring.hidden = true;
    this.scroller.append(this.canvas, this.ring);
    this.element.append(this.scroller, this.hint);
    this.#listen(signal);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const observer = new ResizeObserver(() => this.layout());
    observer.observe(this.element);
    signal.addEventListener("abort", () => observer.disconnect());
    const options = { signal };
    this.canvas.addEventListener("pointermove", (event) => this.#hover(this.#at(event)), options);
    this.canvas.addEventListener("pointerleave", () => this.#hover(this.cursor), options);
    this.canvas.addEventListener("keydown", (event) => this.#key(event), options);
    const rest = () => {
      this.ring.hidden = true;
      this.#hover(-1);
    };
    this.canvas.addEventListener("blur", rest, options);
    this.canvas.addEventListener("focus", () => this.#point(), options);
    this.canvas.addEventListener(
      "click",
      (event) => {
        const cell = this.#at(event);
        if (cell < 0) return;
        this.cursor = cell;
        this.actions.select(this.member(cell));
      },
      options,
    );
  }

  /** Takes the colours from the theme. */
  recolour() {
    const style = getComputedStyle(this.element);
    this.palette = COLOURS.map((name) => style.getPropertyValue(`--nbt-${name}`).trim() || "#888");
    this.outline = style.getPropertyValue("--nbt-outline").trim() || "#888";
    this.paint(null);
  }

  layout() {
    const width = Math.max(this.size * 4, (this.element.clientWidth || 644) - 4);
    const columns = Math.max(1, Math.min(this.cells, Math.floor(width / this.size)));
    // A cell has whole pixels, or what is painted anew leaves its old edges.
    const ratio = Math.ceil(this.size * (devicePixelRatio || 1)) / this.size;
    if (columns === this.columns && ratio === this.ratio) return;
    this.columns = columns;
    this.ratio = ratio;
    const height = Math.ceil(this.cells / columns) * this.size;
    this.canvas.width = columns * this.size * ratio;
    this.canvas.height = height * ratio;
    this.canvas.style.width = `${columns * this.size}px`;
    this.canvas.style.height = `${height}px`;
    this.paint(null);
  }

  /** @param {Iterable<number> | null} changed null: all */
  paint(changed) {
    const context = this.canvas.getContext("2d");
    if (!context || !this.palette.length || !this.columns) return;
    const { ratio } = this;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (changed === null) {
      context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      if (this.size < 14) this.#drawRuns(context);
      else for (let cell = 0; cell < this.cells; cell++) this.#draw(context, cell);
    } else {
      const cells = new Set();
      for (const i of changed) cells.add(Math.floor(i / this.per));
      for (const cell of cells) this.#draw(context, cell);
    }
    const { counts } = this.link.state;
    const parts = counts.map((value, code) => (value ? `${count(value)} ${WORDS[code]}` : ""));
    this.canvas.setAttribute(
      "aria-label",
      `${count(this.n)} tasks, one cell each: ${parts.filter(Boolean).join(", ")}. ` +
        "Arrow keys move, Enter opens, f goes to the next failure.",
    );
  }

  /** The task that a cell stands for: of several the most urgent of those that are picked. @param {number} cell */
  member(cell) {
    if (this.per === 1) return cell;
    const first = cell * this.per;
    let best = first;
    for (let i = first; i < Math.min(this.n, first + this.per); i++) {
      if (this.#rank(i) > this.#rank(best)) best = i;
    }
    return best;
  }

  /** @param {number} i */
  #rank(i) {
    const code = this.link.codes[i] ?? 0;
    return (URGENCY[code] ?? 0) + (this.actions.lets(code) ? URGENCY.length : 0);
  }

  /** @param {number} cell */
  code(cell) {
    return this.link.codes[this.member(cell)] ?? 0;
  }

  /** All cells: neighbours of one state at once, then what is between them. @param {CanvasRenderingContext2D} context */
  #drawRuns(context) {
    const { size, columns, cells } = this;
    const failed = [];
    for (let from = 0, to = 0; from < cells; from = to) {
      const code = this.code(from);
      const end = Math.min(cells, from - (from % columns) + columns);
      for (to = from + 1; to < end && this.code(to) === code; to++);
      this.#colour(context, code);
      const y = Math.floor(from / columns) * size;
      context.fillRect((from % columns) * size, y, (to - from) * size, size);
      if (code === FAILURE) for (let cell = from; cell < to; cell++) failed.push(cell);
    }
    const gap = gapOf(size, 0);
    if (!gap) return;
    const [width, height] = [columns * size, Math.ceil(cells / columns) * size];
    for (let x = size; x <= width; x += size) context.clearRect(x - gap, 0, gap, height);
    for (let y = size; y <= height; y += size) context.clearRect(0, y - gap, width, gap);
    if (gapOf(size, FAILURE) !== gap) for (const cell of failed) this.#draw(context, cell);
  }

  /** @param {CanvasRenderingContext2D} context @param {number} code */
  #colour(context, code) {
    context.globalAlpha = this.actions.lets(code) ? 1 : DIM;
    context.fillStyle = this.palette[code === PROGRESS ? STARTED : code] ?? "#888";
  }

  /** @param {CanvasRenderingContext2D} context @param {number} cell */
  #draw(context, cell) {
    const { size } = this;
    const x = (cell % this.columns) * size;
    const y = Math.floor(cell / this.columns) * size;
    const code = this.code(cell);
    const side = size - gapOf(size, code);
    context.clearRect(x, y, size, size);
    this.#colour(context, code);
    if (size < 14) {
      context.fillRect(x, y, side, side);
      return;
    }
    const share = code === PROGRESS ? this.link.share(cell) : null;
    if (share !== null) context.fillStyle = this.palette[PROGRESS] ?? "#888";
    context.beginPath();
    context.roundRect(x, y, side, side, 2.5);
    context.fill();
    if (code === 0 || code === PROGRESS) {
      context.strokeStyle = this.outline;
      context.lineWidth = 0.5;
      context.stroke();
    }
    if (share !== null) {
      context.save();
      context.clip();
      context.fillStyle = this.palette[STARTED] ?? "#888";
      context.fillRect(x, y + side * (1 - share), side, side * share);
      context.restore();
    }
    this.#mark(context, code, x + side / 2, y + side / 2);
  }

  /**
   * A sign in the cell: colour alone does not tell.
   * @param {CanvasRenderingContext2D} context
   * @param {number} code @param {number} x @param {number} y
   */
  #mark(context, code, x, y) {
    if (code === 0 || code === PROGRESS || code === 3 || code === 7) return;
    context.strokeStyle = code === 5 ? "#3a3000" : "#fff";
    context.fillStyle = context.strokeStyle;
    context.lineWidth = 1.5;
    context.beginPath();
    if (code === FAILURE) {
      context.moveTo(x - 2.6, y - 2.6);
      context.lineTo(x + 2.6, y + 2.6);
      context.moveTo(x + 2.6, y - 2.6);
      context.lineTo(x - 2.6, y + 2.6);
    } else if (code === STARTED) {
      context.moveTo(x - 1.8, y - 3);
      context.lineTo(x + 3, y);
      context.lineTo(x - 1.8, y + 3);
      context.fill();
      return;
    } else if (code === 5) {
      context.arc(x, y, 2.8, 0, Math.PI * 1.5);
    } else {
      context.moveTo(x - 3, y);
      context.lineTo(x + 3, y);
    }
    context.stroke();
  }

  /** @param {MouseEvent} event */
  #at(event) {
    const column = Math.floor(event.offsetX / this.size);
    const cell = Math.floor(event.offsetY / this.size) * this.columns + column;
    return column < 0 || column >= this.columns || cell < 0 || cell >= this.cells ? -1 : cell;
  }

  /** @param {number} cell */
  describe(cell) {
    const i = cell * this.per;
    const code = this.code(cell);
    const many = this.per > 1 ? `${count(i)} to ${count(Math.min(this.n, i + this.per) - 1)}` : "";
    const share = this.per === 1 && !isFinished(code) ? this.link.share(i) : null;
    const percent = share === null ? "" : ` ${Math.round(share * 100)} %`;
    return `${many || this.link.label(i)}   ${GLYPHS[code]} ${WORDS[code]}${percent}`;
  }

  /** @param {number} cell */
  #hover(cell) {
    setText(this.hint, cell >= 0 ? this.describe(cell) : "");
  }

  /** Put the cursor on a cell. @param {number} cell */
  move(cell) {
    this.cursor = cell;
    this.#point();
    this.actions.announce(this.describe(cell));
  }

  /** Show where the cursor is. */
  #point() {
    const cell = this.cursor;
    this.ring.hidden = cell < 0;
    this.#hover(cell);
    if (cell < 0) return;
    const x = (cell % this.columns) * this.size;
    const y = Math.floor(cell / this.columns) * this.size;
    const side = Math.max(6, this.size - 2);
    Object.assign(this.ring.style, {
      left: `${x - 2}px`,
      top: `${y - 2}px`,
      width: `${side + 4}px`,
      height: `${side + 4}px`,
    });
    this.ring.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** The next failed cell after the cursor, around the end; -1: none failed. */
  nextFailure() {
    for (let step = 1; step <= this.cells; step++) {
      const cell = (this.cursor + step) % this.cells;
      if (this.code(cell) === FAILURE) return cell;
    }
    return -1;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    /** @type {Record<string, number>} */
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.columns, ArrowDown: this.columns };
    const step = steps[event.key];
    const last = this.cells - 1;
    if (step !== undefined) {
      const to = this.cursor < 0 ? 0 : this.cursor + step;
      if (to >= 0 && to <= last) this.move(to);
    } else if (event.key === "Home") this.move(0);
    else if (event.key === "End") this.move(last);
    else if (event.key === "Enter" && this.cursor >= 0) {
      this.actions.select(this.member(this.cursor));
    } else return;
    // The notebook has shortcuts of its own on these keys.
    event.preventDefault();
    event.stopPropagation();
  }
}
