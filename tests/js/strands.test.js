import assert from "node:assert/strict";
import { test } from "node:test";
import { chunk, MOST, Strands } from "../../nbtasks/notebook/static/strands.js";

const words = (strands) =>
  strands.boxes().map(({ names, count, before }) => `${names.join("→")} ${count} [${before}]`);

const lanes = (n) =>
  new Strands({
    tasks: ["load", "map", "fit", "best"],
    nodes: [
      [0, 1, 0],
      [1, n, 0],
      [2, n, 0],
      [3, 1, 0],
    ],
    edges: [
      [0, 1, "w", 0],
      [1, 2, "e", 0],
      [2, 3, "w", 0],
    ],
  });

/** Chords side by side: n times a header of 5 and a body. */
const chords = (n) =>
  new Strands({
    tasks: ["score", "best"],
    nodes: Array.from({ length: 2 * n }, (_, at) => (at % 2 ? [1, 1, 0] : [0, 5, 0])),
    edges: Array.from({ length: n }, (_, at) => [2 * at, 2 * at + 1, "w", 0]),
  });

test("chains side by side are one box, which opens into rows", () => {
  const strands = lanes(32);
  assert.deepEqual(words(strands), ["load 1 []", "map→fit 64 [0]", "best 1 [1]"]);

  strands.turn("1", true);

  const opened = words(strands);
  assert.equal(opened.length, 2 + 64);
  assert.deepEqual(opened.slice(0, 5), [
    "load 1 []",
    "map 1 [0]",
    "fit 1 [1]",
    "map 1 [0]",
    "fit 1 [3]",
  ]);
});

test("few are open from the start", () => {
  assert.equal(lanes(3).boxes().length, 2 + 6);
});

test("chords side by side are one box, and a header opens into its tasks", () => {
  const strands = chords(100);
  assert.deepEqual(words(strands), ["score×5→best 600 []"]);
  strands.turn("0", true);
  const header = strands.boxes()[0];

  strands.turn(header.key, true);

  assert.deepEqual(words(strands).slice(0, 7), [
    ...Array(5).fill("score×5 1 []"),
    "best 1 [0,1,2,3,4]",
    "score×5 5 []",
  ]);
});

test("ten thousand open step by step, and never more than there is room for", () => {
  const strands = lanes(10_000);
  strands.turn("1", true);
  const first = strands.boxes()[1];
  assert.deepEqual([strands.boxes().length, first.rows], [102, 100]);

  const isAll = strands.openAll();

  assert.equal(isAll, false);
  assert.ok(strands.boxes().length > 500 && strands.boxes().length <= MOST);
});

test("what is closed again is one box, with all that was open in it", () => {
  const strands = lanes(10_000);
  const before = words(strands);
  strands.openAll();
  const inner = strands.boxes()[1];

  strands.turn(inner.from, false);
  strands.turn("1", false);

  assert.deepEqual(words(strands), before);
});

test("what hangs on a task is what comes after it, row by row and then all", () => {
  const marks = lanes(3).onwards([[2, 3]]);

  assert.deepEqual([...marks], [0, 0, 1, 0, 0, 1, 0, 1]);
});

test("an errback that watches others as well goes on", () => {
  const watched = (spans) =>
    new Strands({
      tasks: ["fit", "tell"],
      nodes: [
        [0, 1, 0],
        [0, 1, 0],
        [1, 1, 2],
      ],
      edges: [
        [0, 2, "w", 0],
        [1, 2, "w", 0],
      ],
    }).onwards(spans);

  assert.deepEqual([...watched([[0, 1]])], [1, 0, 0]);
  assert.deepEqual([...watched([[0, 2]])], [1, 1, 1]);
});

test("one of many is followed alone", () => {
  const strands = new Strands({
    tasks: ["fit", "show"],
    nodes: [
      [0, 4, 0],
      [1, 1, 0],
    ],
    edges: [[0, 1, "1", 2]],
  });
  assert.deepEqual(words(strands), ["fit 1 []", "fit 1 []", "fit 1 []", "fit 1 []", "show 1 [2]"]);
  assert.deepEqual([...strands.onwards([[1, 2]])], [0, 1, 0, 0, 0]);
});

test("chunks are round numbers", () => {
  assert.deepEqual([3, 100, 101, 999, 10_000, 250_000].map(chunk), [1, 1, 2, 10, 100, 5000]);
});
