// The Monitor: queues, workers, the server, and what ran in the last minute.

import { rateText, size } from "./amounts.js";
import { bytes, Channel, widgetOf } from "./channel.js";
import { count, make, setAttribute, setText, watchTheme } from "./core.js";
import { workerTable } from "./fleet.js";
import { keepFocus } from "./focus.js";
import { Hour } from "./hour.js";
import { Limits } from "./limits.js";
import { sayGone, watchLooks } from "./parts.js";
import { queueTable } from "./queues.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("./channel.js").Model} Model */
/** @typedef {import("./channel.js").Told} Told */
/** @typedef {import("./timeline.js").Bar} Bar */
/** @typedef {import("./queues.js").Queue} Queue */
/** @typedef {import("./fleet.js").Worker} Worker */
/** @typedef {import("./limits.js").Limit} Limit */
/**
 * @typedef {Told & {error: string, tasks: import("./fleet.js").Hand[], queues: Queue[], limits: Limit[], workers: Worker[], bars: Bar[],
 *   totals: Record<string, number>, more: {queues: number, workers: number, limits: number}, gone: [string, number][], hour: import("./hour.js").Point[],
 *   server: {latency: number, memory: [number, number] | null}}} Whole
 */

const TICK_MS = 1000;
const TILES = [
  ["waiting", "waiting"],
  ["busy", "running"],
  ["done", "done"],
  ["failed", "failed"],
  ["scheduled", "scheduled"],
  ["dead", "dead"],
];

/** @param {number} n */
const andMore = (n) => (n ? `and ${count(n)} more` : "");

/** @extends {Channel<Whole>} */
class MonitorLink extends Channel {
  /** @param {Model} model */
  constructor(model) {
    super(model);
    /** @type {Bar[]} those that no view has taken up yet */
    this.bars = this.state.bars ?? [];
  }

  /** @override @param {Whole} told @param {Uint8Array} _data */
  whole(told, _data) {
    super.whole(told, bytes(null));
    this.bars = told.bars;
  }

  /** @override @param {Whole} told @param {Uint8Array} _data */
  delta(told, _data) {
    const { bars } = told;
    const { bars: before } = this.state;
    super.delta({ ...told, bars: [...before, ...bars].slice(-4000) }, bytes(null));
    this.bars = bars;
    return null;
  }
}

class MonitorView {
  /** @param {MonitorLink} link @param {HTMLElement} host @param {AbortSignal} signal */
  constructor(link, host, signal) {
    this.link = link;
    this.root = make("section", "nbt nbt-wide");
    this.note = make("span", "nbt-says");
    this.server = make("span", "nbt-facts");
    this.note.setAttribute("role", "status");
    this.tiles = make("dl", "nbt-tiles");
    /** @type {Map<string, HTMLElement>} */
    this.figures = new Map();
    this.hour = new Hour(() => link.now(), signal);
    this.trouble = "";
    const says = (/** @type {string} */ text) => setText(this.note, text);
    this.timeline = new Timeline(link, says, signal);
    this.workers = workerTable(link, says, signal);
    this.queues = queueTable(link, says, signal);
    this.limits = new Limits(link, says, signal);
    this.#build();
    host.append(this.root);
    watchTheme(this.root, signal, () => {
      this.timeline.recolour();
      this.hour.paint();
    });
    this.show(link.state.bars);
    this.#listen(signal);
  }

  #build() {
    setAttribute(this.root, "aria-label", this.link.state.title);
    const head = make("div", "nbt-head");
    const title = make("div", "nbt-title");
    title.append(make("span", "nbt-name-all", this.link.state.title), this.server);
    head.append(title, this.note);
    for (const [name, label] of TILES) {
      const tile = make("div", "nbt-tile");
      const figure = make("dd", "nbt-figure");
      tile.append(make("dt", "nbt-facts", label), figure);
      this.tiles.append(tile);
      this.figures.set(name ?? "", figure);
    }
    const tables = [this.workers, this.queues, this.limits].map(({ element }) => element);
    this.root.append(head, this.tiles, this.hour.element, this.timeline.element, ...tables);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const { link } = this;
    const hear = () => this.show(link.bars);
    link.listeners.add(hear);
    const timer = setInterval(() => link.over || this.show([]), TICK_MS);
    signal.addEventListener("abort", () => {
      link.listeners.delete(hear);
      clearInterval(timer);
    });
    watchLooks(this.root, link, signal);
  }

  /** @param {Bar[]} bars those that are not shown yet */
  show(bars) {
    keepFocus(this.root, () => {
      this.timeline.show(bars, this.link.state.workers);
      this.#show();
    });
  }

  #show() {
    const { state } = this.link;
    const { totals, server, more } = state;
    const there = `${count(totals.workers ?? 0)} worker${totals.workers === 1 ? "" : "s"}`;
    const memory = server.memory;
    const limit = memory?.[1] ? ` of ${size(memory[1])}` : "";
    const used = memory ? ` · ${size(memory[0])}${limit}` : "";
    setText(this.server, `${there} · Redis ${server.latency} ms${used}`);
    for (const [name, figure] of this.figures) setText(figure, this.#figure(name, totals));
    this.figures.get("failed")?.classList.toggle("nbt-bad", (totals.failed ?? 0) > 0);
    if (state.error !== this.trouble) setText(this.note, state.error);
    this.trouble = state.error;
    sayGone(this.link, this.root, this.note);
    this.hour.show(state.hour);
    const notes = state.gone.map(
      ([name, left]) => `${name} is gone, and ${count(left)} tasks wait`,
    );
    if (more.workers) notes.push(andMore(more.workers));
    if (!state.workers.length) notes.push("No worker: %workers start 2");
    this.workers.show(state.workers, notes.join(" · "));
    this.queues.show(state.queues, andMore(more.queues));
    const names = state.bars.map(([, , , , , , , name]) => name);
    this.limits.show(state.limits, andMore(more.limits), names);
  }

  /** @param {string} name @param {Record<string, number>} totals */
  #figure(name, totals) {
    const value = totals[name] ?? 0;
    if (name === "busy") return `${count(value)} / ${count(totals.slots ?? 0)}`;
    return name === "done" || name === "failed" ? rateText(value) || "0/s" : count(value);
  }
}

export default widgetOf(
  (model) => new MonitorLink(model),
  (link, el, signal) => new MonitorView(link, el, signal),
);
