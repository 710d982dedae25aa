// Where the boxes of a graph stand, in layers from left to right, and what lines join.
// This is nbtasks/layout.py, step by step: one set of cases holds both, to the last digit.

export const WIDTH = 168;
export const HEIGHT = 44;
const GAP_X = 44;
const GAP_Y = 14;
const MARGIN = 8;
const SWEEPS = 4;
const BEND = 10;

/** @typedef {"box" | "dot" | "bend"} Kind a dot is where lines meet, a bend where one passes */

export class Spot {
  /** @param {Kind} kind */
  constructor(kind) {
    /** @type {Kind} */
    this.kind = kind;
    this.layer = 0;
    this.place = 0;
    /** @type {Spot[]} */
    this.before = [];
    /** @type {Spot[]} */
    this.after = [];
    this.x = 0;
    this.y = 0;
    this.width = 0;
  }

  get height() {
    return this.kind === "box" ? HEIGHT : BEND;
  }

  get middle() {
    return this.y + this.height / 2;
  }
}

/** @typedef {{width: number, height: number, boxes: Spot[], spots: Spot[]}} Layout */

/**
 * @param {number[][]} before for each box those that come before it, all of them in front of it
 * @returns {Layout}
 */
export function layOut(before) {
  /** @type {Spot[][]} */
  const layers = [];
  const boxes = makeLayers(before, layers);
  order(layers);
  const width = across(layers);
  const height = down(layers);
  return { width, height, boxes, spots: layers.flat() };
}

/**
 * The spots that the line from one box to another leads through, with both; none where none does.
 * @param {Spot} start @param {Spot} stop
 */
export function route(start, stop) {
  const ways = [[stop]];
  for (let way = ways.pop(); way; way = ways.pop()) {
    for (const spot of way.at(-1)?.before ?? []) {
      if (spot === start) return [start, ...way.reverse()];
      if (spot.kind !== "box") ways.push([...way, spot]);
    }
  }
  return [];
}

/** @param {Spot} start @param {Spot} stop */
export function linePath(start, stop) {
  const [x0, y0, y1] = [start.x + start.width, start.middle, stop.middle];
  const half = GAP_X / 2;
  const from = start.kind === "box" ? `M${x0} ${y0}` : `M${start.x} ${y0}H${x0}`;
  const head = stop.kind === "box" ? "m-6 -4l6 4l-6 4" : "";
  return `${from}C${x0 + half} ${y0} ${stop.x - half} ${y1} ${stop.x} ${y1}${head}`;
}

/** @param {number[][]} before @param {Spot[][]} layers */
function makeLayers(before, layers) {
  const known = before.map((each) => [...new Set(each)]);
  /** @type {Map<string, number>} */
  const alike = new Map();
  for (const each of known) alike.set(`${each}`, (alike.get(`${each}`) ?? 0) + 1);
  /** @type {Map<string, Spot>} */
  const dots = new Map();
  /** @type {Spot[]} */
  const boxes = [];
  for (const each of known) {
    let near = each.map((at) => /** @type {Spot} */ (boxes[at]));
    const key = `${each}`;
    if (near.length > 1 && (alike.get(key) ?? 0) > 1) {
      const dot = dots.get(key) ?? add(new Spot("dot"), near, layers);
      dots.set(key, dot);
      near = [dot];
    }
    boxes.push(add(new Spot("box"), near, layers));
  }
  return boxes;
}

/** @param {Spot} spot @param {Spot[]} near @param {Spot[][]} layers */
function add(spot, near, layers) {
  for (const each of near) spot.layer = Math.max(spot.layer, each.layer + 1);
  while (layers.length <= spot.layer) layers.push([]);
  layers[spot.layer]?.push(spot);
  for (const each of near) join(each, spot, layers);
  return spot;
}

/** @param {Spot} before @param {Spot} after @param {Spot[][]} layers */
function join(before, after, layers) {
  let at = before;
  for (let layer = before.layer + 1; layer < after.layer; layer += 1) {
    let bend = at.after.find((spot) => spot.kind === "bend");
    if (!bend) {
      bend = new Spot("bend");
      bend.layer = layer;
      bend.before.push(at);
      at.after.push(bend);
      layers[layer]?.push(bend);
    }
    at = bend;
  }
  at.after.push(after);
  after.before.push(at);
}

/** @param {Spot[][]} layers */
function order(layers) {
  layers.forEach(number);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const isDown = sweep % 2 === 0;
    const inOrder = isDown ? layers.slice(1) : layers.slice(0, -1).reverse();
    for (const layer of inOrder) {
      const means = new Map(
        layer.map((spot) => {
          const near = isDown ? spot.before : spot.after;
          const places = near.map((each) => each.place);
          return [spot, mean(places, spot.place)];
        }),
      );
      layer.sort((a, b) => (means.get(a) ?? 0) - (means.get(b) ?? 0));
      number(layer);
    }
  }
}

/** @param {Spot[]} layer */
function number(layer) {
  layer.forEach((spot, place) => {
    spot.place = place;
  });
}

/** @param {Spot[][]} layers */
function across(layers) {
  let x = MARGIN;
  for (const layer of layers) {
    const width = layer.some((spot) => spot.kind === "box") ? WIDTH : 0;
    for (const spot of layer) {
      spot.x = x;
      spot.width = width;
    }
    x += width + GAP_X;
  }
  return layers.length ? x - GAP_X + MARGIN : 2 * MARGIN + WIDTH;
}

/** @param {Spot[][]} layers */
function down(layers) {
  for (const layer of layers) {
    const wanted = layer.map((spot) => {
      const middles = spot.before.map((each) => each.middle);
      return mean(middles, spot.place * (HEIGHT + GAP_Y)) - spot.height / 2;
    });
    let bottom = wanted[0] ?? 0;
    const moves = layer.map((spot, at) => {
      const y = wanted[at] ?? 0;
      spot.y = Math.max(y, bottom);
      bottom = spot.y + spot.height + GAP_Y;
      return y - spot.y;
    });
    const shift = mean(moves, 0);
    for (const spot of layer) spot.y += shift;
  }
  let top = Number.POSITIVE_INFINITY;
  for (const layer of layers) for (const spot of layer) top = Math.min(top, spot.y);
  let height = 0;
  for (const layer of layers) {
    for (const spot of layer) {
      spot.y = Math.floor((spot.y - top + MARGIN) * 10 + 0.5) / 10;
      height = Math.max(height, spot.y + spot.height);
    }
  }
  return height + MARGIN;
}

/** @param {number[]} values @param {number} otherwise */
function mean(values, otherwise) {
  let total = 0;
  for (const value of values) total += value;
  return values.length ? total / values.length : otherwise;
}
