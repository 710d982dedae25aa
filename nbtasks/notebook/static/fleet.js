// The workers of a Monitor: their slots, what they run and use, and what they are told.

import { size } from "./amounts.js";
import { duration, make, STARTED, setAttribute, setText } from "./core.js";
import { actButton, Mark } from "./parts.js";
import { pace } from "./queues.js";
import { Table } from "./table.js";

/** @typedef {import("./channel.js").Channel<any>} Line */
/**
 * @typedef {object} Worker
 * @property {string} key its whole name
 * @property {string} name as it is shown
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
/** @typedef {(worker: Worker) => string} Words */
/** @typedef {[id: string, name: string, code: number, began: number, retries: number, pid: number]} InHand */
/** @typedef {{worker: string, rows: InHand[], more: number}} Hand */
/** @typedef {import("./queues.js").Told} Told */

const MOST_CELLS = 64;

/** @param {Line} link @param {(text: string) => void} note @param {AbortSignal} signal */
export function workerTable(link, note, signal) {
  const ago = (/** @type {number} */ at) => (at ? duration(link.now() - at, true) : "?");
  /** @type {[string, Words][]} */
  const figures = [
    ["CPU", ({ cpu }) => `${Math.round(cpu)} %`],
    ["memory", ({ rss }) => size(rss)],
    ["done", ({ rate }) => pace(rate)],
    ["up for", ({ since }) => ago(since)],
    ["heartbeat", ({ seen }) => `${ago(seen)}${seen ? " ago" : ""}`],
  ];
  const columns = [
    { title: "worker" },
    { title: "slots" },
    { title: "runs" },
    ...figures.map(([title, text]) => ({ title, number: true, text })),
    { title: "" },
  ];
  const draw = (/** @type {Worker} */ worker, /** @type {AbortSignal} */ stop) => {
    const [short, where] = worker.name.split("@");
    const place = make("div", "nbt-facts");
    const who = make("div");
    const slots = make("div", "nbt-slots");
    const told = { note, signal: stop };
    const runs = new Runs(link, worker, told);
    who.append(make("bdi", "nbt-strong", short), place);
    const buttons = orderButtons(link, worker, told);
    return {
      cells: [who, slots, runs.element, buttons],
      below: runs.tasks.element,
      show: (/** @type {Worker} */ row) => {
        const software = `Python ${row.python} · nbtasks ${row.version}`;
        setText(place, `${where ?? row.host} · ${row.queues.join(", ")}`);
        setAttribute(who, "title", `process ${row.pid} on ${row.host} · ${software}`);
        drawSlots(slots, row.busy, row.slots);
        runs.show(row);
        buttons.hidden = link.over || row.ends;
      },
    };
  };
  return new Table("Workers", columns, (/** @type {Worker} */ row) => row.key, draw, signal);
}

/** What a worker runs; opened, task by task. The kernel looks for these while they are open. */
class Runs {
  /** @param {Line} link @param {Worker} worker @param {Told} told */
  constructor(link, { key, name }, told) {
    this.link = link;
    this.key = key;
    this.name = name;
    this.note = told.note;
    this.isOpen = false;
    this.isTold = false;
    this.idle = make("span");
    this.button = make("button", "nbt-button nbt-open");
    this.words = make("bdi");
    this.button.type = "button";
    this.button.append(this.words);
    this.button.addEventListener("click", () => this.#open(!this.isOpen), { signal: told.signal });
    this.element = make("div");
    this.element.append(this.button, this.idle);
    this.tasks = taskTable(link, name, told);
    this.tasks.element.hidden = true;
  }

  /** @param {boolean} on */
  #open(on) {
    this.isOpen = on;
    this.link.ask({ t: "open", worker: this.key, on }, ({ kind, text }) => {
      if (kind !== "ok") this.note(text);
    });
    this.#draw();
  }

  #draw() {
    const { element } = this.tasks;
    /** @type {Hand[]} */
    const hands = this.link.state.tasks;
    const hand = hands.find(({ worker }) => worker === this.key);
    // It may be opened or closed in another tab, or before this one was loaded.
    if ((hand !== undefined) !== this.isTold) this.isOpen = this.isTold = !this.isTold;
    setAttribute(this.button, "aria-expanded", String(this.isOpen));
    element.hidden = !this.isOpen;
    const under = element.closest("tr");
    if (under) under.hidden = !this.isOpen;
    const more = hand?.more ? `and ${hand.more} more` : "";
    if (!this.isOpen || !hand) return;
    this.tasks.table.hidden = !hand.rows.length;
    this.tasks.show(hand.rows, hand.rows.length ? more : "Nothing now");
  }

  /** @param {Worker} row */
  show({ runs, ends }) {
    setText(this.words, runs || "nothing");
    setAttribute(this.button, "aria-label", `What ${this.name} runs: ${runs || "nothing"}`);
    this.button.hidden = !runs && !this.isOpen;
    const idle = runs || this.isOpen ? "" : "nothing";
    setText(this.idle, ends ? "then it ends" : idle);
    this.#draw();
  }
}

/** @param {Line} link @param {string} worker @param {Told} told */
function taskTable(link, worker, { note, signal }) {
  const now = () => link.now();
  const columns = [
    { title: "" },
    { title: "task", text: (/** @type {InHand} */ [, name]) => name },
    { title: "id", text: (/** @type {InHand} */ [id]) => id },
    {
      title: "for",
      number: true,
      text: (/** @type {InHand} */ [, , , at]) => (at ? duration(now() - at, true) : "–"),
    },
    { title: "try", number: true, text: (/** @type {InHand} */ row) => String(row[4] + 1) },
    { title: "process", number: true, text: (/** @type {InHand} */ row) => String(row[5] || "–") },
    { title: "" },
  ];
  const draw = (/** @type {InHand} */ [id, name, code], /** @type {AbortSignal} */ stop) => {
    const mark = new Mark();
    mark.show(code);
    const end = actButton({
      text: code === STARTED ? "Terminate" : "Cancel",
      label: `${code === STARTED ? "Terminate" : "Cancel"} ${name} ${id}`,
      sure: () => "Sure?",
      act: (report) => link.ask({ t: "revoke", task_id: id }, report),
      note,
      signal: stop,
    });
    const buttons = make("div", "nbt-buttons");
    buttons.append(end);
    const show = () => {
      buttons.hidden = link.over;
    };
    return { cells: [mark.element, buttons], show };
  };
  const label = `Tasks of ${worker}`;
  const key = (/** @type {InHand} */ row) => `${row[0]} ${row[2]}`;
  const table = new Table(label, columns, key, draw, signal);
  table.title.hidden = true;
  return table;
}

/** @param {Line} link @param {Worker} worker @param {Told} told */
function orderButtons(link, { key, name }, told) {
  const buttons = make("div", "nbt-buttons");
  const order = (/** @type {string} */ t) => (/** @type {any} */ report) =>
    link.ask({ t, worker: key }, report);
  for (const [t, text, label] of /** @type {[string, string, string][]} */ ([
    ["shrink", "−", `One slot less for ${name}`],
    ["grow", "+", `One slot more for ${name}`],
    ["ping", "Ping", `Ask whether ${name} answers`],
  ])) {
    buttons.append(actButton({ text, label, act: order(t), ...told }));
  }
  const label = `Have ${name} finish what runs, and end`;
  const sure = () => "Sure?";
  buttons.append(actButton({ text: "Drain", label, sure, act: order("drain"), ...told }));
  return buttons;
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
