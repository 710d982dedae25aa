import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Window } from "happy-dom";

const STATIC = "../../nbtasks/notebook/static";
const ROWS = 3;

/** @type {Window} */
let window;
/** @type {(() => void)[]} */
let cleanups = [];

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
}

class Model {
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

const row = (i) => ({
  i,
  label: `c=${i}`,
  a: 0,
  e: 0,
  host: "",
  msg: "",
  err: "",
  retries: 0,
});

const frame = (n, more = {}) => ({
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

const whole = (n, more = {}) => ({
  v: 1,
  kind: "board",
  title: "scores",
  detail: "",
  inputs: [],
  n,
  t0: 0,
  names: [],
  caps: ["cancel"],
  ...frame(n),
  ...more,
});

function delta(...changes) {
  const data = new Uint8Array(6 * changes.length);
  const view = new DataView(data.buffer);
  changes.forEach(([i, code, share], place) => {
    view.setUint32(6 * place, i, true);
    view.setUint8(6 * place + 4, code);
    view.setUint8(6 * place + 5, share);
  });
  return data;
}

const snapshot = (n) =>
  new DataView(new Uint8Array([...Array(n).fill(0), ...Array(n).fill(255)]).buffer);
const painted = () => new Promise((done) => window.setTimeout(done, 1));

async function start(n = ROWS, more = {}) {
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
  for (const cleanup of cleanups) cleanup();
  cleanups = [];
  await window.happyDOM.close();
});

test("a delta changes the row in place", async () => {
  const { model, el } = await start();
  const [first] = el.querySelectorAll(".nbt-row");

  model.hear(
    { t: "d", ...frame(ROWS, { seq: 1, counts: [2, 0, 0, 1, 0, 0, 0] }) },
    delta([0, 3, 255]),
  );
  await painted();

  assert.equal(el.querySelectorAll(".nbt-row")[0], first);
  assert.match(first.textContent, /✓success/);
  assert.equal(el.querySelector(".nbt-done").textContent, "1 / 3");
});

test("an index outside of the board is ignored", async () => {
  const { model, el } = await start();

  model.hear({ t: "d", ...frame(ROWS, { seq: 1 }) }, delta([4_000_000_000, 3, 255]));
  await painted();

  assert.equal(el.querySelectorAll(".nbt-row").length, ROWS);
});

test("a gap in the numbers asks once for the whole", async () => {
  const { model } = await start();

  model.hear({ t: "d", ...frame(ROWS, { seq: 2 }) });
  model.hear({ t: "d", ...frame(ROWS, { seq: 5 }) });

  assert.deepEqual(
    model.sent.map((message) => message.t),
    ["resync"],
  );
});

test("after the whole another gap asks again", async () => {
  const { model } = await start();

  model.hear({ t: "d", ...frame(ROWS, { seq: 2 }) });
  model.hear({ t: "s", ...frame(ROWS, { seq: 3 }) }, new Uint8Array(2 * ROWS));
  model.hear({ t: "d", ...frame(ROWS, { seq: 9 }) });

  assert.equal(model.sent.length, 2);
});

test("a second view of the same widget shows the present state", async () => {
  const { model, widget } = await start();
  model.hear({ t: "d", ...frame(ROWS, { seq: 1, counts: [0, 0, 0, 3, 0, 0, 0] }) });
  const el = document.createElement("div");

  cleanups.push(widget.render({ model, el }));

  assert.equal(el.querySelector(".nbt-done").textContent, "3 / 3");
});

test("rows come and go with the tasks that run", async () => {
  const { model, el } = await start(20, { rows: [row(4), row(5)] });

  model.hear({ t: "d", ...frame(20, { seq: 1, rows: [row(5), row(9)] }) });
  await painted();

  const labels = [...el.querySelectorAll(".nbt-name")].map((node) => node.textContent);
  assert.deepEqual(labels, ["c=5", "c=9"]);
});

test("every message to the kernel has its own id", async () => {
  const { model, el } = await start();
  for (const name of el.querySelectorAll(".nbt-name")) name.click();

  assert.equal(new Set(model.sent.map((message) => message.id)).size, ROWS);
});

test("an answer that nobody asked for is ignored", async () => {
  const { model, el } = await start();
  const before = el.textContent;

  model.hear({ t: "ack", id: "other", ok: false, error: "not mine", details: null });
  await painted();

  assert.equal(el.textContent, before);
});

test("a board whose kernel was restarted says what brings it back, until it hears of it", async () => {
  const { model, el } = await start();

  model.tell("comm_live_update");
  await painted();
  assert.match(el.querySelector(".nbt-says").textContent, /restarted: %tasks show scores/);
  assert.equal(el.querySelector(".nbt-head button").hidden, true);

  model.hear({ t: "ack", id: "other", ok: true, error: "", details: null });
  await painted();
  assert.equal(el.querySelector(".nbt-head button").hidden, false);
  assert.equal(el.querySelector(".nbt-says").textContent, "");
});

test("a finished board has no cancel button and says how long it took", async () => {
  const { el } = await start(ROWS, { done: true, took: 12_400, counts: [0, 0, 0, 3, 0, 0, 0] });

  assert.equal(el.querySelector(".nbt-head button").hidden, true);
  assert.equal(el.querySelector(".nbt-summary").textContent, "3 / 3· 12 s");
});

test("closing stops listening to the model", async () => {
  const { model, close } = await start();

  close();

  assert.equal(model.listeners.size, 0);
});

test("text with markup stays text", async () => {
  const { el } = await start(ROWS, { title: "<img src=x>" });

  assert.equal(el.querySelector("img"), null);
  assert.equal(el.querySelector(".nbt-name-all").textContent, "<img src=x>");
});

test("terminal styles other than ours are dropped", async () => {
  const { setRuns } = await import(`${STATIC}/core.js`);
  const pre = document.createElement("pre");

  setRuns(pre, [["b evil c3", "x"]]);

  assert.equal(pre.firstChild.className, "nbt-b nbt-c3");
});

test("displays are made of elements and kept between updates", async () => {
  const { setRuns } = await import(`${STATIC}/core.js`);
  const pre = document.createElement("pre");
  const inner = ["td", { onclick: "x()", align: "right" }, ["<b>7</b>"]];
  const shows = new Map([
    [
      "k",
      [
        ["table", {}, [inner]],
        ["script", {}, ["x"]],
      ],
    ],
  ]);

  setRuns(
    pre,
    [
      ["", "above"],
      ["show", "k"],
      ["show", "late"],
    ],
    shows,
  );
  const shown = pre.children[1];
  setRuns(
    pre,
    [
      ["show", "k"],
      ["", "below"],
    ],
    shows,
  );

  assert.equal(pre.firstChild, shown);
  assert.equal(shown.querySelector("td").textContent, "<b>7</b>");
  assert.equal(shown.querySelector("td").hasAttribute("onclick"), false);
  assert.equal(shown.querySelector("script"), null);
});

test("durations and rates are short", async () => {
  const { duration, rateText } = await import(`${STATIC}/core.js`);

  const spans = [0, 1340, 42_000, 200_000, 3_900_000].map((ms) => duration(ms));
  assert.deepEqual(spans, ["0.0 s", "1.3 s", "42 s", "3 min 20 s", "1 h 05 min"]);
  const rates = [0, 0.0005, 0.2, 3.44, 12.3, 1234].map(rateText);
  assert.deepEqual(rates, ["", "2/h", "12/min", "3.4/s", "12/s", "1.2k/s"]);
});

test("cells shrink as their number grows", async () => {
  const { cellSize } = await import(`${STATIC}/grid.js`);

  assert.deepEqual([600, 601, 2501, 12_001, 60_001, 1e6].map(cellSize), [14, 8, 4, 3, 2, 2]);
});
