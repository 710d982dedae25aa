import assert from "node:assert/strict";
import { test } from "node:test";
import {
  answer,
  asks,
  cleanups,
  delta,
  frame,
  Model,
  painted,
  ROWS,
  row,
  STATIC,
  snapshot,
  start,
  until,
  whole,
} from "./page.js";

test("two equal displays are both kept", async () => {
  const { setRuns } = await import(`${STATIC}/core.js`);
  const pre = document.createElement("pre");
  const shows = new Map([["k", ["a table"]]]);
  const [show, text] = [
    ["show", "k"],
    ["", "x"],
  ];
  setRuns(pre, [show, show], shows);

  setRuns(pre, [show, show, text], shows);

  assert.equal(pre.textContent, "a tablea tablex");
});

test("a type that no longer fails leaves", async () => {
  const failure = (type) => ({ type, count: 1, text: type, first: 0, label: "c=0", tb: [] });
  const { model, el } = await start(ROWS, { fails: [failure("A"), failure("B")] });

  model.hear({ t: "d", ...frame(ROWS, { seq: 1, fails: [failure("B")] }) });
  await painted();

  const types = [...el.querySelectorAll(".nbt-type")].map((node) => node.textContent);
  assert.deepEqual(types, ["B"]);
});

test("a button that asks once more gets the focus by a click in Safari, too", async () => {
  const { el } = await start();

  assert.equal(el.querySelector("[aria-label^='Cancel all']").getAttribute("tabindex"), "0");
});

test("of several looks the last counts", async () => {
  let see;
  globalThis.IntersectionObserver = class {
    constructor(call) {
      see = call;
    }
    observe() {}
    disconnect() {}
  };
  const { model } = await start();

  see([{ isIntersecting: false }, { isIntersecting: true }]);
  see([{ isIntersecting: true }, { isIntersecting: false }]);

  assert.deepEqual(
    asks(model, "vis").map(({ on }) => on),
    [true, false],
  );
});

test("what is asked of a task neither shows below another one nor holds its buttons", async () => {
  const { model, el } = await start();
  model.hear({ t: "d", ...frame(ROWS, { seq: 1 }) }, delta([0, 1, 255], [1, 1, 255]));
  const [first, second] = el.querySelectorAll(".nbt-name");
  const stack = () => el.querySelector("[aria-label^='Show where'], [aria-label^='Stack']");
  first.click();
  stack().click();
  const [asked] = asks(model, "stack");
  second.click();

  assert.notEqual(stack().getAttribute("aria-disabled"), "true");
  answer(model, asked, { stack: [["", "line 3"]] });
  assert.doesNotMatch(el.textContent, /line 3/);

  stack().click();
  answer(model, asks(model, "stack")[1], { stack: [["", "line 4"]] });
  assert.match(el.textContent, /line 4/);
});

test("the last lines are asked for, though nothing comes after them", async () => {
  const { model, el } = await start(20, { rows: [], counts: [19, 0, 0, 0, 1, 0, 0] });
  model.hear(
    { t: "d", ...frame(20, { seq: 1, counts: [19, 0, 0, 0, 1, 0, 0] }) },
    delta([0, 4, 0]),
  );
  [...el.querySelectorAll(".nbt-state")].find((one) => /failure/.test(one.textContent)).click();
  answer(model, asks(model, "page")[0], { rows: [row(0)] });

  const counts = [18, 0, 0, 0, 2, 0, 0];
  model.hear({ t: "d", ...frame(20, { seq: 2, counts, done: true }) }, delta([1, 4, 0]));
  await until(() => asks(model, "page").length > 1);

  assert.deepEqual(asks(model, "page")[1].of, [0, 1]);
});

test("a card that is open asks what its task was, so long as there is a kernel to ask", async () => {
  const { default: factory } = await import(`${STATIC}/card_view.js`);
  const model = new Model(whole(1, { done: true, open: true, inputs: [] }), snapshot(1));
  const el = document.createElement("div");
  document.body.append(el);

  cleanups.push(factory().render({ model, el }));

  assert.equal(asks(model, "detail").length, 1);
});

/** A table of results, and the box that ticks all of them. */
async function startTable() {
  const { default: factory } = await import(`${STATIC}/results.js`);
  const model = new Model(whole(ROWS, { kind: "results", turn: 1 }), snapshot(ROWS));
  const el = document.createElement("div");
  document.body.append(el);
  cleanups.push(factory().render({ model, el }));
  const told = { rows: [], from: 0, of: ROWS, open: -1, n: ROWS, counts: [ROWS] };
  answer(model, asks(model, "page")[0], told);
  return { model, el, box: el.querySelector("thead input") };
}

test("a tick for all rows stays while the kernel is asked which they are", async () => {
  const { model, el, box } = await startTable();

  box.click();
  model.hear({ t: "d", ...frame(ROWS, { seq: 1 }) });

  assert.equal(box.checked, true);
  answer(model, asks(model, "members")[0], { spans: [[0, ROWS]] });
  assert.equal(box.checked, true);
  assert.match(el.textContent, /3 selected/);
});

test("what is no longer ticked is not selected by a late answer", async () => {
  const { model, el, box } = await startTable();
  box.click();
  box.click();

  answer(model, asks(model, "members")[0], { spans: [[0, ROWS]] });

  assert.equal(box.checked, false);
  assert.match(el.textContent, /nothing selected/);
});
