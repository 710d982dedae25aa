// The queues of a Monitor: what waits, how fast it goes, and how to hold or end it.

import { rateText } from "./amounts.js";
import { count, duration, make } from "./core.js";
import { actButton } from "./parts.js";
import { Table } from "./table.js";

/** @typedef {import("./channel.js").Channel<any>} Line */
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
/** @typedef {{note: (text: string) => void, signal: AbortSignal}} Told */

/** A rate that may be none. @param {number} perSecond */
export const pace = (perSecond) => rateText(perSecond) || "–";

/**
 * Pause and Resume, of which one is there at a time.
 * @param {Line} link @param {string} label @param {object} what @param {Told} told
 */
export function holdButtons(link, label, what, told) {
  const [pause, resume] = ["Pause", "Resume"].map((text) =>
    actButton({
      text,
      label: `${text} ${label}`,
      act: (report) => link.ask({ t: text.toLowerCase(), ...what }, report),
      ...told,
    }),
  );
  const buttons = /** @type {HTMLElement[]} */ ([pause, resume]);
  const show = (/** @type {number} */ paused) =>
    buttons.forEach((button, at) => {
      button.hidden = (at === 0) === paused > 0;
    });
  return { buttons, show };
}

/** @param {Line} link @param {(text: string) => void} note @param {AbortSignal} signal */
export function queueTable(link, note, signal) {
  const columns = [
    { title: "queue" },
    { title: "waiting", number: true, text: (/** @type {Queue} */ row) => count(row.waiting) },
    {
      title: "oldest",
      number: true,
      text: (/** @type {Queue} */ row) =>
        row.oldest ? duration(link.now() - row.oldest, true) : "–",
    },
    { title: "sent", number: true, text: (/** @type {Queue} */ row) => pace(row.sent) },
    { title: "done", number: true, text: (/** @type {Queue} */ row) => pace(row.done) },
    { title: "workers", number: true, text: (/** @type {Queue} */ row) => count(row.workers) },
    { title: "" },
  ];
  const draw = (/** @type {Queue} */ { name: queue }, /** @type {AbortSignal} */ stop) => {
    let waits = 0;
    const told = { note, signal: stop };
    const paused = make("span", "nbt-paused", "paused");
    const who = make("div");
    const hold = holdButtons(link, `the queue ${queue}`, { queue }, told);
    const purge = actButton({
      text: "Purge",
      label: `End all that waits in ${queue}`,
      sure: () => `Sure? ${count(waits)}`,
      act: (report) => link.ask({ t: "purge", queue }, report),
      ...told,
    });
    const buttons = make("div", "nbt-buttons");
    buttons.append(...hold.buttons, purge);
    who.append(make("bdi", "nbt-strong", queue), " ", paused);
    return {
      cells: [who, buttons],
      show: (/** @type {Queue} */ row) => {
        waits = row.waiting;
        paused.hidden = !row.paused;
        hold.show(row.paused);
        purge.disabled = row.waiting === 0 && !purge.matches(":focus");
        buttons.hidden = link.over;
      },
    };
  };
  return new Table("Queues", columns, (/** @type {Queue} */ row) => row.name, draw, signal);
}
