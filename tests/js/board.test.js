import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanups, delta, frame, painted, ROWS, row, STATIC, start } from "./page.js";

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

test("who comes says what it knows, and a gap in the numbers asks once for the whole", async () => {
  const { model } = await start();

  model.hear({ t: "d", ...frame(ROWS, { seq: 2 }) });
  model.hear({ t: "d", ...frame(ROWS, { seq: 5 }) });

  assert.deepEqual(
    model.sent.map(({ t, seq }) => [t, seq]),
    [
      ["resync", 0],
      ["resync", undefined],
    ],
  );
});

test("after the whole another gap asks again", async () => {
  const { model } = await start();

  model.hear({ t: "d", ...frame(ROWS, { seq: 2 }) });
  model.hear({ t: "s", ...frame(ROWS, { seq: 3 }) }, new Uint8Array(2 * ROWS));
  model.hear({ t: "d", ...frame(ROWS, { seq: 9 }) });

  assert.equal(model.sent.length, 3);
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

  assert.equal(new Set(model.sent.map((message) => message.id)).size, 1 + ROWS);
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
  assert.equal(el.querySelector("[aria-label^='Cancel all']").hidden, true);

  model.hear({ t: "ack", id: "other", ok: true, error: "", details: null });
  await painted();
  assert.equal(el.querySelector("[aria-label^='Cancel all']").hidden, false);
  assert.equal(el.querySelector(".nbt-says").textContent, "");
});

test("a finished board has no cancel button and says how long it took", async () => {
  const { el } = await start(ROWS, { done: true, took: 12_400, counts: [0, 0, 0, 3, 0, 0, 0] });

  assert.equal(el.querySelector("[aria-label^='Cancel all']").hidden, true);
  assert.equal(el.querySelector(".nbt-done").textContent, "3 / 3");
  assert.equal(el.querySelector(".nbt-summary > .nbt-facts").textContent, "· 12 s");
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
  const { duration } = await import(`${STATIC}/core.js`);
  const { rateText } = await import(`${STATIC}/amounts.js`);

  const spans = [0, 1340, 42_000, 200_000, 3_900_000].map((ms) => duration(ms));
  assert.deepEqual(spans, ["0.0 s", "1.3 s", "42 s", "3 min 20 s", "1 h 05 min"]);
  const rates = [0, 0.0005, 0.2, 3.44, 12.3, 1234].map(rateText);
  assert.deepEqual(rates, ["", "2/h", "12/min", "3.4/s", "12/s", "1.2k/s"]);
});

test("cells shrink as their number grows", async () => {
  const { cellSize } = await import(`${STATIC}/grid.js`);

  assert.deepEqual([600, 601, 2501, 12_001, 60_001, 1e6].map(cellSize), [14, 8, 4, 3, 2, 2]);
});
