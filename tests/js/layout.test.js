import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { layOut, route } from "../../nbtasks/notebook/static/layout.js";

const cases = JSON.parse(readFileSync(new URL("layouts.json", import.meta.url), "utf8"));

for (const { name, before, ...expected } of cases) {
  test(`a browser lays out as Python does: ${name}`, () => {
    const { width, height, boxes, spots } = layOut(before);

    assert.deepEqual(
      {
        width,
        height,
        boxes: boxes.map((box) => spots.indexOf(box)),
        spots: spots.map(({ x, y, width: wide }) => [x, y, wide]),
        lines: spots.flatMap((spot, at) => spot.after.map((each) => [at, spots.indexOf(each)])),
      },
      expected,
    );
  });
}

test("a line is found through dots and bends", () => {
  const { boxes } = layOut([[], [], [0, 1], [0, 1], [3], [0, 4]]);

  const kinds = (from, to) => route(boxes[from], boxes[to]).map((spot) => spot.kind);

  assert.deepEqual(kinds(1, 3), ["box", "dot", "box"]);
  assert.deepEqual(kinds(0, 5), ["box", "bend", "bend", "bend", "box"]);
  assert.deepEqual(kinds(1, 5), []);
});

test("ten thousand boxes stand one below the other", () => {
  const { boxes, height } = layOut([[], ...Array(9_999).fill([0])]);
  const [first, ...others] = boxes;

  assert.deepEqual([...new Set(others.map((box) => box.x))], [220]);
  assert.ok(others.every((box, at) => box.y === 8 + 58 * at && box.y < height));
  assert.equal(first.y, (others.at(0).y + others.at(-1).y) / 2);
});
