// A board with a fake model, in a document without a browser.

import { afterEach, beforeEach } from "node:test";
import { Window } from "happy-dom";

export const STATIC = "../../nbtasks/notebook/static";
export const ROWS = 3;

/** @type {Window} */
let window;
/** @type {(() => void)[]} */
export const cleanups = [];

function install() {
  window = new Window({ url: "http://board.test/" });
  const names = ["document", "getComputedStyle", "MutationObserver", "ShadowRoot"];
  for (const name of names) globalThis[name] = window[name];
  globalThis.matchMedia = (query) => window.matchMedia(query);
  globalThis.requestAnimationFrame = (call) => window.setTimeout(call, 0);
  globalThis.cancelAnimationFrame = (id) => window.clearTimeout(id);
  globalThis.devicePixelRatio = 1;
  globalThis.ResizeObserver = class {
    observe() {}
    disconnect() {}
  };
  globalThis.IntersectionObserver = globalThis.ResizeObserver;
}

export class Model {
  constructor(state, snapshot) {
    this.values = { whole: state, snapshot };
    this.listeners = new Map();
    this.sent = [];
  }
  get(name) {
    return this.values[name];
  }
  on(name, listener) {
    this.listeners.set(listener, name);
  }
  off(_, listener) {
    this.listeners.delete(listener);
  }
  tell(name, ...values) {
    for (const [listener, of] of this.listeners) if (of === name) listener(...values);
  }
  send(message) {
    this.sent.push(message);
  }
  hear(content, buffer = new Uint8Array(0)) {
    this.tell("msg:custom", content, [new DataView(buffer.buffer)]);
  }
}

export const row = (i) => ({
  i,
  label: `c=${i}`,
  a: 0,
  e: 0,
  host: "",
  msg: "",
  err: "",
  retries: 0,
});

export const frame = (n, more = {}) => ({
  seq: 0,
  now: Date.now(),
  counts: [n, 0, 0, 0, 0, 0, 0],
  rows: Array.from({ length: n }, (_, i) => row(i)),
  fails: [],
  details: [],
  rate: 0,
  eta: null,
  done: false,
  missing: false,
  took: null,
  ...more,
});

export const whole = (n, more = {}) => ({
  v: 1,
  kind: "board",
  title: "scores",
  detail: "",
  inputs: [],
  n,
  t0: 0,
  names: [],
  caps: ["cancel"],
  again: "%tasks show scores",
  ...frame(n),
  ...more,
});

export function delta(...changes) {
  const data = new Uint8Array(6 * changes.length);
  const view = new DataView(data.buffer);
  changes.forEach(([i, code, share], place) => {
    view.setUint32(6 * place, i, true);
    view.setUint8(6 * place + 4, code);
    view.setUint8(6 * place + 5, share);
  });
  return data;
}

export const snapshot = (n) =>
  new DataView(new Uint8Array([...Array(n).fill(0), ...Array(n).fill(255)]).buffer);
export const painted = () => new Promise((done) => window.setTimeout(done, 1));

export async function start(n = ROWS, more = {}) {
  const { default: factory } = await import(`${STATIC}/board_only.js`);
  const model = new Model(whole(n, more), snapshot(n));
  const el = document.createElement("div");
  document.body.append(el);
  const widget = factory();
  const close = widget.initialize({ model });
  const leave = widget.render({ model, el });
  cleanups.push(leave, close);
  return { model, el, leave, close, widget };
}

beforeEach(install);
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  await window.happyDOM.close();
});

/** Wait until something holds. */
export async function until(holds) {
  while (!holds()) await new Promise((done) => setTimeout(done, 20));
}

export const asks = (model, t) => model.sent.filter((message) => message.t === t);
export const answer = (model, { id }, details) =>
  model.hear({ t: "ack", id, ok: true, error: "", details });
