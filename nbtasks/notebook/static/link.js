// The tasks of a widget, numbered through: what the kernel told of each.

import { bytes, Channel } from "./channel.js";
import { PENDING, RETRY } from "./core.js";

/** @typedef {import("./channel.js").Model} Model */
/** @typedef {import("./channel.js").Told} Told */
/** @typedef {import("./core.js").Run} Run */
/** @typedef {import("./core.js").ShowNode} ShowNode */
/**
 * @typedef {object} Row
 * @property {number} i
 * @property {string} label
 * @property {number} a when it began, ms of the kernel's clock, 0: unknown
 * @property {number} e when it ended
 * @property {string} host
 * @property {string} msg
 * @property {string} err
 * @property {number} retries
 */
/**
 * @typedef {object} Call how it was called, as far as that is stored
 * @property {[string, string][] | null} args
 * @property {string} code
 * @property {number | null} most retries
 */
/**
 * @typedef {Row & {code: number, share: number, tb: Run[], out: Run[], value: Run[],
 *   dropped: string, shows?: Record<string, ShowNode[]>, id: string, place: string,
 *   way: [number, number, string][], call?: Call}} Details
 */
/**
 * @typedef {object} Failure
 * @property {string} type
 * @property {number} count
 * @property {number} first
 * @property {string} label
 * @property {string} text
 * @property {Run[]} tb
 */
/**
 * @typedef {object} Frame what each message says beside the states
 * @property {number[]} counts
 * @property {Row[]} rows
 * @property {Failure[]} fails
 * @property {Details[]} details
 * @property {number} rate
 * @property {number | null} eta
 * @property {boolean} missing
 * @property {number | null} took
 * @property {number} [turn] of a table: how often something has changed
 * @property {string} value of one task, in short
 * @property {string} [place] likewise, its queue and worker
 * @property {number[]} [path] of a canvas that has ended: what it has waited for
 */
/**
 * @typedef {Told & Frame & {detail: string, n: number, t0: number,
 *   inputs: [string, string][], names: string[], open?: boolean, id?: string, ast?: import("./strands.js").Ast}} Whole
 */

const UNKNOWN = 255;
const SHOWS = 100;
const [LOOK_MS, LOOK_MOST_MS] = [2000, 60000];

/** @extends {Channel<Whole>} */
export class Link extends Channel {
  /** @param {Model} model */
  constructor(model) {
    super(model);
    /** @type {Uint8Array} */
    this.codes = new Uint8Array(this.state.n);
    /** @type {Uint8Array} */
    this.shares = new Uint8Array(this.state.n).fill(UNKNOWN);
    /** @type {Map<number, Details>} */
    this.details = new Map();
    /** @type {Map<string, ShowNode[]>} displays by their keys */
    this.shows = new Map();
    /** @type {Map<number, {ahead: number | null, due: number | null, at: number, wait: number}>} */
    this.places = new Map();
    /** @type {number} */
    this.etaAt = 0;
    this.whole(this.state, bytes(model.get("snapshot")));
  }

  /** @param {number} i */
  label(i) {
    return this.state.names[i] ?? this.details.get(i)?.label ?? `#${i}`;
  }

  /** How far a member is, from 0 to 1, or null. @param {number} i */
  share(i) {
    const value = this.shares[i] ?? UNKNOWN;
    return value === UNKNOWN ? null : value / (UNKNOWN - 1);
  }

  /** @override @param {Whole} told @param {Uint8Array} data */
  whole(told, data) {
    const { n } = this.state;
    if (data.byteLength === 2 * n) {
      this.codes.set(data.subarray(0, n));
      this.shares.set(data.subarray(n));
    }
    super.whole(told, data);
    this.#frame(told);
  }

  /** @override @param {Whole} told @param {Uint8Array} data */
  delta(told, data) {
    const view = new DataView(data.buffer);
    /** @type {number[]} */
    const changed = [];
    for (let at = 0; at + 6 <= data.byteLength; at += 6) {
      const i = view.getUint32(at, true);
      if (i >= this.state.n) continue;
      this.codes[i] = view.getUint8(at + 4);
      this.shares[i] = view.getUint8(at + 5);
      changed.push(i);
    }
    super.delta(told, data);
    this.#frame(told);
    return changed;
  }

  /** @override @param {Details} details */
  answer(details) {
    if (details.i === undefined) return;
    const call = details.call ?? this.details.get(details.i)?.call;
    this.details.set(details.i, call ? { ...details, call } : details);
    for (const [key, nodes] of Object.entries(details.shows ?? {})) this.shows.set(key, nodes);
    for (const key of this.shows.keys()) {
      if (this.shows.size <= SHOWS) break;
      this.shows.delete(key);
    }
  }

  /** Ask how long a task has still to wait, more and more seldom while that stays the same. @param {number} i */
  lookUp(i) {
    const code = this.codes[i] ?? 0;
    const known = this.places.get(i);
    if (this.over || (code !== PENDING && code !== RETRY)) return;
    if (document.visibilityState === "hidden") return;
    if (known && Date.now() < known.at + known.wait) return;
    const { ahead = null, due = null, wait = LOOK_MS / 2 } = known ?? {};
    const [at, longer] = [Date.now(), Math.min(LOOK_MOST_MS, 2 * wait)];
    this.places.set(i, { ahead, due, at, wait: longer });
    this.ask({ t: "place", i }, ({ kind }, told) => {
      if (kind !== "ok" || !told) return;
      const isSame = told.ahead === ahead && told.due === due;
      this.places.set(i, { ...told, at, wait: isSame ? longer : LOOK_MS });
      this.tell([]);
    });
  }

  /** @param {Whole} told */
  #frame(told) {
    this.etaAt = told.eta === null ? 0 : told.now + told.eta * 1000;
    for (const one of told.details) this.answer(one);
  }
}
