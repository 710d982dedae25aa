// The line between a widget and its kernel.

import { putInPlace, watchKernel } from "./host.js";

/**
 * @typedef {object} Model the part of a widget model that we use
 * @property {(name: string) => any} get
 * @property {(event: string, callback: (...args: any[]) => void) => void} on
 * @property {(event: string, callback: (...args: any[]) => void) => void} off
 * @property {(content: object) => void} send
 * @property {any} [widget_manager] the host's
 */
/** @typedef {{kind: "ok" | "error" | "slow" | "gone", text: string}} Reply */

/**
 * @typedef {object} Told what every kind of widget is told
 * @property {number} v
 * @property {string} kind
 * @property {string} title
 * @property {number} seq
 * @property {number} now the kernel's time, ms
 * @property {boolean} done
 * @property {string[]} caps what may be asked for
 * @property {string} [again] the line that shows it live again
 * @property {import("./host.js").Kept | null} [kept] it has ended while nobody was there
 */

const SLOW_MS = 500;
/** A host puts the static picture in the place of a widget a little after it has come. */
const PLACE_MS = 300;

/** @param {any} value @returns {Uint8Array} a copy: hosts hand over views of shared buffers */
export function bytes(value) {
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  if (ArrayBuffer.isView(value)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice();
  }
  return new Uint8Array(0);
}

/**
 * What the kernel told, kept up to date; shared by all views of one widget.
 * @template {Told} State
 */
export class Channel {
  /** @param {Model} model */
  constructor(model) {
    /** @type {Model} */
    this.model = model;
    /** @type {State} */
    this.state = model.get("whole");
    /** @type {number} */
    this.skew = this.state.now - Date.now();
    /** @type {string[] | null} what was asked for before the whole was, whose answers may be lost */
    this.lost = null;
    /** @type {boolean} */
    this.ended = false;
    /** @type {boolean} the kernel it belongs to is no more */
    this.orphaned = false;
    /** @type {Set<(changed: Iterable<number> | null) => void>} */
    this.listeners = new Set();
    /** @type {Map<string, (reply: Reply, details: any) => void>} */
    this.asked = new Map();
    /** @type {(content: any, buffers?: any[]) => void} */
    this.hear = (content, buffers = []) => this.#hear(content, bytes(buffers[0]));
    model.on("msg:custom", this.hear);
    this.lose = () => {
      this.orphaned ||= !this.ended;
      this.#giveUp([...this.asked.keys()]);
      this.tell(null);
    };
    model.on("comm_live_update", this.lose); // of ipywidgets: the kernel is gone
    const back = () => this.over || this.#resync();
    this.leave = watchKernel(model.widget_manager, { lost: this.lose, back });
    if (this.state.kept) this.#end(this.state.kept);
    // What was told before this script listened is lost; and marimo keeps what a widget began with.
    if (!this.ended) this.ask({ t: "resync", seq: this.state.seq }, () => {});
  }

  close() {
    this.model.off("msg:custom", this.hear);
    this.model.off("comm_live_update", this.lose);
    this.leave();
    this.listeners.clear();
  }

  /** Whether nothing can be asked for any more. */
  get over() {
    return this.state.done || this.ended || this.orphaned;
  }

  /** The kernel's time now, in ms. */
  now() {
    return Date.now() + this.skew;
  }

  /**
   * Ask the kernel for something; `report` hears of each turn until the answer is there.
   * @param {object} message @param {(reply: Reply, details: any) => void} report
   */
  ask(message, report) {
    const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    this.asked.set(id, report);
    const isSent = this.tellOnly({ ...message, id });
    if (!isSent || this.orphaned) {
      this.#giveUp([id]);
      return;
    }
    setTimeout(() => {
      const text = "queued: kernel busy, interrupt with the stop button";
      if (this.asked.has(id)) report({ kind: "slow", text }, null);
    }, SLOW_MS);
  }

  /** No kernel answers these any more. @param {string[]} ids */
  #giveUp(ids) {
    for (const id of ids) {
      const report = this.asked.get(id);
      this.asked.delete(id);
      report?.({ kind: "gone", text: this.gone || "kernel gone" }, null);
    }
  }

  /** A whole picture has come. @param {State} told @param {Uint8Array} _data */
  whole(told, _data) {
    this.state = { ...this.state, ...told };
  }

  /** What has changed has come. @param {State} told @param {Uint8Array} _data @returns {Iterable<number> | null} */
  delta(told, _data) {
    this.state = { ...this.state, ...told };
    return null;
  }

  /** What was asked for has come. @param {any} _details */
  answer(_details) {}

  /** @param {Iterable<number> | null} changed null: everything */
  tell(changed) {
    for (const listener of this.listeners) listener(changed);
  }

  /** @param {any} content @param {Uint8Array} data */
  #hear(content, data) {
    if (this.orphaned) {
      this.orphaned = false; // the line was cut, and the kernel is still there
      this.tell([]);
    }
    if (content.t === "ack") this.#ack(content);
    else if (content.t === "s") this.#whole(content, data);
    else if (content.t === "d") this.#delta(content, data);
    else if (content.t === "end") {
      this.#end(content.kept);
      this.tell(null);
    }
  }

  /** Nothing more comes. @param {import("./host.js").Kept | undefined} kept */
  #end(kept) {
    this.ended = true;
    setTimeout(() => {
      if (kept) putInPlace(this.model.widget_manager, kept);
      this.tellOnly({ t: "bye" });
    }, PLACE_MS);
  }

  /** Tell what needs no answer; whether there is still a kernel to tell. @param {object} message */
  tellOnly(message) {
    try {
      this.model.send(message);
      return true;
    } catch {
      return false;
    }
  }

  /** What is said where the kernel is gone, and what brings this back; else nothing. */
  get gone() {
    const { again, done } = this.state;
    if (!this.orphaned || done) return "";
    return again ? `the kernel was restarted: ${again}` : "the kernel was restarted";
  }

  /** Something did not come: have the whole, and give up what was to be answered before it. */
  #resync() {
    this.lost = [...this.asked.keys()];
    this.ask({ t: "resync" }, () => {});
  }

  /** @param {any} content */
  #ack(content) {
    const report = this.asked.get(content.id);
    if (!report) return;
    this.asked.delete(content.id);
    if (content.details) {
      this.answer(content.details);
      this.tell([]);
    }
    report({ kind: content.ok ? "ok" : "error", text: content.error }, content.details);
  }

  /** @param {State} told @param {Uint8Array} data */
  #whole(told, data) {
    if (told.seq < this.state.seq) return;
    const { lost } = this;
    this.lost = null;
    this.skew = told.now - Date.now();
    this.whole(told, data);
    this.tell(null);
    for (const id of lost ?? []) this.#ack({ id, ok: false, error: "the answer was lost" });
  }

  /** @param {State} told @param {Uint8Array} data */
  #delta(told, data) {
    if (told.seq <= this.state.seq) return;
    if (told.seq !== this.state.seq + 1 && !this.lost) this.#resync();
    this.skew = told.now - Date.now();
    this.tell(this.delta(told, data));
  }
}

/**
 * What a host makes a widget by. It calls `initialize` and `render` with different proxies of the
 * model: the channel is shared here, by all views.
 * @template {{close(): void}} Line
 * @param {(model: Model) => Line} connect
 * @param {(link: Line, el: HTMLElement, signal: AbortSignal) => unknown} show
 */
export const widgetOf = (connect, show) => () => {
  /** @type {Line | null} */
  let link = null;
  return {
    /** @param {{model: Model}} context */
    initialize({ model }) {
      link = connect(model);
      return () => link?.close();
    },
    /** @param {{model: Model, el: HTMLElement}} context */
    render({ model, el }) {
      link ??= connect(model);
      const stop = new AbortController();
      show(link, el, stop.signal);
      return () => stop.abort();
    },
  };
};
