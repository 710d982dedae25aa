import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

const STATIC = "../../nbtasks/notebook/static";
const whole = { v: 1, seq: 0, now: 0, done: false, n: 9, turn: 1, counts: [], kept: null };

/** What a kernel's side would hear, and say. */
class Model {
  constructor() {
    this.sent = [];
    this.hear = () => {};
    this.lose = () => {};
  }
  get() {
    return whole;
  }
  on(name, hear) {
    if (name === "msg:custom") this.hear = hear;
    if (name === "comm_live_update") this.lose = hear;
  }
  off() {}
  send(message) {
    this.sent.push(message);
  }
  newest(t) {
    return this.sent.findLast((message) => message.t === t);
  }
  answer(message, details, error = "") {
    this.hear({ t: "ack", id: message.id, ok: !error, error, details });
  }
}

const told = (more = {}) => ({ rows: [], from: 0, of: 9, open: -1, n: 9, counts: [], ...more });

/** Pages of a table, and what stands in its note. */
async function start(stop) {
  const { Channel } = await import(`${STATIC}/channel.js`);
  const { Pages } = await import(`${STATIC}/pages.js`);
  const model = new Model();
  const link = new Channel(model);
  const seen = { note: "" };
  const says = (text, before) => {
    if (text || before === seen.note) seen.note = text;
  };
  const pages = new Pages(link, () => {}, says, stop.signal);
  pages.look(0, 9);
  return { model, link, pages, seen };
}

/** @type {AbortController} */
let stop;
beforeEach((context) => {
  stop = new AbortController();
  context.mock.timers.enable({ apis: ["setTimeout"] });
});
afterEach((context) => {
  stop.abort();
  context.mock.timers.reset();
});

test("the place of what was open does not move what was opened meanwhile", async () => {
  const { model, pages } = await start(stop);
  [pages.open, pages.openAt] = [7, 5];

  model.answer(model.newest("page"), told({ open: -1 }));

  assert.equal(pages.openAt, 5);
  pages.refresh();
  model.answer(model.newest("page"), told({ open: 6 }));
  assert.equal(pages.openAt, 6);
});

test("a good page takes back what pages said, and nothing else", async () => {
  const { model, pages, seen } = await start(stop);
  model.answer(model.newest("page"), null, "no such store");
  assert.equal(seen.note, "no such store");
  pages.refresh();
  model.answer(model.newest("page"), told());
  assert.equal(seen.note, "");

  seen.note = "3 could not be retried";
  pages.refresh();
  model.answer(model.newest("page"), told());

  assert.equal(seen.note, "3 could not be retried");
});

test("what was asked for before something was lost is told to be lost", async () => {
  const { model, link } = await start(stop);
  const heard = [];
  link.ask({ t: "early" }, ({ kind, text }) => heard.push(`${kind}: ${text}`));
  model.hear({ t: "d", ...whole, seq: 3 });
  link.ask({ t: "late" }, ({ kind }) => heard.push(`late ${kind}`));

  model.hear({ t: "s", ...whole, seq: 4 });
  model.answer(model.newest("late"), {});

  assert.deepEqual(heard, ["error: the answer was lost", "late ok"]);
});

test("a page whose answer was lost is asked for again", async (context) => {
  const { model, seen } = await start(stop);
  const lost = model.newest("page");
  model.hear({ t: "d", ...whole, seq: 3 });
  model.hear({ t: "s", ...whole, seq: 4 });

  context.mock.timers.tick(1000);

  const again = model.newest("page");
  assert.notEqual(again.id, lost.id);
  assert.equal(again.fresh, true);
  model.answer(again, told());
  assert.equal(seen.note, "");
});

test("what was not answered is told to be lost when the kernel goes, and not to wait for it", async (context) => {
  const { model, link } = await start(stop);
  /** @type {string[]} */
  const heard = [];
  link.ask({ t: "detail" }, ({ kind, text }) => heard.push(`${kind}: ${text}`));

  model.lose();
  context.mock.timers.tick(1000);

  assert.deepEqual(heard, ["gone: the kernel was restarted"]);
});
