// The Monitor: queues, workers, the server, and what ran in the last minute.

import { bytes, Channel } from "./channel.js";
import {
  count,
  duration,
  make,
  rateText,
  setAttribute,
  setText,
  size,
  watchTheme,
} from "./core.js";
import { Hour } from "./hour.js";
import { actButton, confirmButton, watchLooks } from "./parts.js";
import { Table } from "./table.js";
import { Timeline } from "./timeline.js";

/** @typedef {import("./channel.js").Model} Model */
/** @typedef {import("./channel.js").Told} Told */
/** @typedef {import("./timeline.js").Bar} Bar */
/**
 * @typedef {object} Queue
 * @property {string} name
 * @property {number} waiting
 * @property {number} oldest when the next one was sent, ms; 0: none waits
 * @property {number} paused since when, ms; 0: it is not
 * @property {number} workers
 * @property {number} sent a second
 * @property {number} done a second
 */
/**
 * @typedef {object} Worker
 * @property {string} name
 * @property {string} host
 * @property {number} pid
 * @property {string} python
 * @property {string} version
 * @property {string[]} queues
 * @property {number} slots
 * @property {number} busy
 * @property {string} runs
 * @property {number} cpu per cent of a core
 * @property {number} rss bytes
 * @property {number} rate tasks a second
 * @property {number} since when it began, ms
 * @property {number} seen its last heartbeat, ms
 * @property {boolean} ends
 */
/**
 * @typedef {Told & {error: string, queues: Queue[], workers: Worker[], bars: Bar[],
 *   totals: Record<string, number>, more: {queues: number, workers: number}, gone: [string, number][], hour: import("./hour.js").Point[],
 *   server: {latency: number, memory: [number, number] | null}}} Whole
 */

const TICK_MS = 1000;
const MOST_CELLS = 64;
const QUEUES = [
  { title: "queue" },
  { title: "waiting", number: true },
  { title: "oldest", number: true },
  { title: "sent", number: true },
  { title: "done", number: true },
  { title: "workers", number: true },
  { title: "" },
];
const WORKERS = [
  { title: "worker" },
  { title: "slots" },
  { title: "runs" },
  { title: "CPU", number: true },
  { title: "memory", number: true },
  { title: "done", number: true },
  { title: "up for", number: true },
  { title: "heartbeat", number: true },
  { title: "" },
];
const TILES = [
  ["waiting", "waiting"],
  ["busy", "running"],
  ["done", "done"],
  ["failed", "failed"],
  ["scheduled", "scheduled"],
  ["dead", "dead"],
];

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

/** @param {number} perSecond */
const rate = (perSecond) => rateText(perSecond) || "–";

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
    this.timeline = new Timeline(() => link.now(), signal);
    this.hour = new Hour(() => link.now(), signal);
    const says = (/** @type {string} */ text) => setText(this.note, text);
    this.workers = new Table(
      "Workers",
      WORKERS,
      (/** @type {Worker} */ worker) => worker.name,
      (worker, stop) => this.#worker(worker.name, says, stop),
      signal,
    );
    this.queues = new Table(
      "Queues",
      QUEUES,
      (/** @type {Queue} */ queue) => queue.name,
      (queue, stop) => this.#queue(queue.name, says, stop),
      signal,
    );
    this.#build();
    host.append(this.root);
    this.timeline.show(link.state.bars, link.state.workers);
    watchTheme(this.root, signal, () => {
      this.timeline.recolour();
      this.hour.paint();
    });
    this.show();
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
    const tables = [this.workers.element, this.queues.element];
    this.root.append(head, this.tiles, this.hour.element, this.timeline.element, ...tables);
  }

  /** @param {AbortSignal} signal */
  #listen(signal) {
    const { link } = this;
    const hear = () => {
      this.timeline.show(link.bars, link.state.workers);
      this.show();
    };
    link.listeners.add(hear);
    const timer = setInterval(() => {
      if (link.over) return;
      this.show();
      this.timeline.show([], link.state.workers);
    }, TICK_MS);
    signal.addEventListener("abort", () => {
      link.listeners.delete(hear);
      clearInterval(timer);
    });
    watchLooks(this.root, link, signal);
  }

  show() {
    const { state } = this.link;
    const { totals, server, more } = state;
    const there = `${count(totals.workers ?? 0)} worker${totals.workers === 1 ? "" : "s"}`;
    const memory = server.memory;
    const limit = memory?.[1] ? ` of ${size(memory[1])}` : "";
    const used = memory ? ` · ${size(memory[0])}${limit}` : "";
    setText(this.server, `${there} · Redis ${server.latency} ms${used}`);
    for (const [name, figure] of this.figures) setText(figure, this.#figure(name, totals));
    this.figures.get("failed")?.classList.toggle("nbt-bad", (totals.failed ?? 0) > 0);
    if (this.link.orphaned) setText(this.note, "the kernel was restarted: %workers again");
    else if (state.error) setText(this.note, state.error);
    this.hour.show(state.hour);
    const notes = state.gone.map(
      ([name, left]) => `${name} is gone, and ${count(left)} tasks wait`,
    );
    if (more.workers) notes.push(`and ${count(more.workers)} more`);
    if (!state.workers.length) notes.push("No worker: %workers start 2");
    this.workers.show(state.workers, notes.join(" · "));
    this.queues.show(state.queues, more.queues ? `and ${count(more.queues)} more` : "");
  }

  /** @param {string} name @param {Record<string, number>} totals */
  #figure(name, totals) {
    const value = totals[name] ?? 0;
    if (name === "busy") return `${count(value)} / ${count(totals.slots ?? 0)}`;
    return name === "done" || name === "failed" ? rateText(value) || "0/s" : count(value);
  }

  /**
   * @param {string} worker @param {(text: string) => void} note @param {AbortSignal} signal
   * @returns {import("./table.js").Line<Worker>}
   */
  #worker(worker, note, signal) {
    const name = make("bdi", "nbt-strong");
    const place = make("div", "nbt-facts");
    const who = make("div");
    const slots = make("div", "nbt-slots");
    const runs = make("bdi");
    const [cpu, memory, done, up, seen] = ["", "", "", "", ""].map(() => make("span"));
    who.append(name, place);
    const buttons = this.#orders(worker, note, signal);
    return {
      cells: /** @type {HTMLElement[]} */ ([
        who,
        slots,
        runs,
        cpu,
        memory,
        done,
        up,
        seen,
        buttons,
      ]),
      show: (worker) => {
        const now = this.link.now();
        const [short, where] = worker.name.split("@");
        setText(name, short ?? "");
        const software = `Python ${worker.python} · nbtasks ${worker.version}`;
        setText(place, `${where ?? worker.host} · ${worker.queues.join(", ")}`);
        setAttribute(who, "title", `process ${worker.pid} on ${worker.host} · ${software}`);
        drawSlots(slots, worker.busy, worker.slots);
        const idle = worker.ends ? "ending" : "";
        setText(runs, [worker.runs, idle].filter(Boolean).join(", then ") || "nothing");
        if (cpu) setText(cpu, `${Math.round(worker.cpu)} %`);
        if (memory) setText(memory, size(worker.rss));
        if (done) setText(done, rate(worker.rate));
        if (up) setText(up, worker.since ? duration(now - worker.since, true) : "?");
        buttons.hidden = this.link.over || worker.ends;
        if (seen) setText(seen, worker.seen ? `${duration(now - worker.seen, true)} ago` : "?");
      },
    };
  }

  /** @param {string} worker @param {(text: string) => void} note @param {AbortSignal} signal */
  #orders(worker, note, signal) {
    const buttons = make("div", "nbt-buttons");
    const order = (/** @type {string} */ t) => (/** @type {any} */ report) =>
      this.link.ask({ t, worker }, report);
    for (const [t, text, label] of [
      ["shrink", "−", `One slot less for ${worker}`],
      ["grow", "+", `One slot more for ${worker}`],
      ["ping", "Ping", `Ask whether ${worker} answers`],
    ]) {
      const [words, told] = [text ?? "", label ?? ""];
      buttons.append(actButton({ text: words, label: told, act: order(t ?? ""), note, signal }));
    }
    const label = `Have ${worker} finish what runs, and end`;
    const sure = () => "Sure?";
    buttons.append(
      confirmButton({ text: "Drain", label, sure, act: order("drain"), note, signal }),
    );
    return buttons;
  }

  /**
   * @param {string} queue @param {(text: string) => void} note @param {AbortSignal} signal
   * @returns {import("./table.js").Line<Queue>}
   */
  #queue(queue, note, signal) {
    const { link } = this;
    let waits = 0;
    const name = make("bdi", "nbt-strong", queue);
    const paused = make("span", "nbt-paused", "paused");
    const who = make("div");
    const [waiting, oldest, sent, done, workers] = ["", "", "", "", ""].map(() => make("span"));
    const pause = actButton({
      text: "Pause",
      label: `Pause the queue ${queue}`,
      act: (report) => link.ask({ t: "pause", queue }, report),
      note,
      signal,
    });
    const resume = actButton({
      text: "Resume",
      label: `Resume the queue ${queue}`,
      act: (report) => link.ask({ t: "resume", queue }, report),
      note,
      signal,
    });
    const purge = confirmButton({
      text: "Purge",
      label: `End all that waits in ${queue}`,
      sure: () => `Sure? ${count(waits)}`,
      act: (report) => link.ask({ t: "purge", queue }, report),
      note,
      signal,
    });
    const buttons = make("div", "nbt-buttons");
    buttons.append(pause, resume, purge);
    who.append(name, " ", paused);
    return {
      cells: /** @type {HTMLElement[]} */ ([who, waiting, oldest, sent, done, workers, buttons]),
      show: (row) => {
        waits = row.waiting;
        if (waiting) setText(waiting, count(row.waiting));
        if (oldest) setText(oldest, row.oldest ? duration(link.now() - row.oldest, true) : "–");
        if (sent) setText(sent, rate(row.sent));
        if (done) setText(done, rate(row.done));
        if (workers) setText(workers, count(row.workers));
        paused.hidden = !row.paused;
        pause.hidden = row.paused > 0;
        resume.hidden = !row.paused;
        purge.disabled = row.waiting === 0;
        buttons.hidden = link.over;
      },
    };
  }
}

/** @param {HTMLElement} node @param {number} busy @param {number} slots */
function drawSlots(node, busy, slots) {
  const shown = Math.min(slots, MOST_CELLS);
  while (node.children.length > shown) node.lastChild?.remove();
  while (node.children.length < shown) node.append(make("span", "nbt-slot"));
  [...node.children].forEach((cell, at) => {
    cell.toggleAttribute("data-busy", at < Math.ceil((busy * shown) / Math.max(1, slots)));
  });
  node.setAttribute("role", "img");
  setAttribute(node, "aria-label", `${busy} of ${slots} slots busy`);
  setAttribute(node, "title", `${busy} of ${slots} busy`);
}

export default () => {
  /** @type {MonitorLink | null} */
  let link = null;
  return {
    /** @param {{model: Model}} context */
    initialize({ model }) {
      link = new MonitorLink(model);
      return () => link?.close();
    },
    /** @param {{model: Model, el: HTMLElement}} context */
    render({ model, el }) {
      link ??= new MonitorLink(model);
      const stop = new AbortController();
      new MonitorView(link, el, stop.signal);
      return () => stop.abort();
    },
  };
};
