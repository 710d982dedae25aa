// The line between a widget and its kernel.

/**
 * @typedef {object} Model the part of a widget model that we use
 * @property {(name: string) => any} get
 * @property {(event: string, callback: (...args: any[]) => void) => void} on
 * @property {(event: string, callback: (...args: any[]) => void) => void} off
 * @property {(content: object) => void} send
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
 */

const SLOW_MS = 500;

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
    /** @type {boolean} */
    this.resyncing = false;
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
      this.tell(null);
    };
    model.on("comm_live_update", this.lose); // of ipywidgets: the kernel is gone
  }

  close() {
    this.model.off("msg:custom", this.hear);
    this.model.off("comm_live_update", this.lose);
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
    try {
      this.model.send({ ...message, id });
    } catch {
      this.asked.delete(id);
      report({ kind: "gone", text: "kernel gone" }, null);
      return;
    }
    setTimeout(() => {
      const text = "queued: kernel busy, interrupt with the stop button";
      if (this.asked.has(id)) report({ kind: "slow", text }, null);
    }, SLOW_MS);
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
      this.ended = true;
      this.tell(null);
    }
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
    this.resyncing = false;
    this.skew = told.now - Date.now();
    this.whole(told, data);
    this.tell(null);
  }

  /** @param {State} told @param {Uint8Array} data */
  #delta(told, data) {
    if (told.seq <= this.state.seq) return;
    if (told.seq !== this.state.seq + 1 && !this.resyncing) {
      this.resyncing = true;
      this.ask({ t: "resync" }, () => {});
    }
    this.skew = told.now - Date.now();
    this.tell(this.delta(told, data));
  }
}
