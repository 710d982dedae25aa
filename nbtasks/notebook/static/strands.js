// Which boxes a graph has: tasks that are alike are one box, which opens into parts.

/** @typedef {[number, number]} Span of the board's numbering: the first, and one behind the last */
/**
 * @typedef {object} Ast
 * @property {string[]} tasks names
 * @property {[number, number, number][]} nodes of each which name, how many members, which role
 * @property {[number, number, string, number][]} edges from, to, `w` all `1` one `e` each, which
 */
/** @typedef {{start: number, n: number, name: string, role: number, before: Edge[]}} Step */
/** @typedef {{of: number, span: string, index: number}} Edge */
/**
 * Steps of one name that come after the same ones.
 * @typedef {{steps: number[], name: string, role: number, before: number[]}} Crowd
 */
/**
 * Crowds one after the other, row by row: row k of each follows row k of the one before.
 * @typedef {{columns: number[], rows: number}} Strand
 */
/**
 * @typedef {object} Box
 * @property {string} key
 * @property {string[]} names of its columns
 * @property {number} rows how many stand beside each other in it
 * @property {[number, number, number][]} parts of which step which members: from, to
 * @property {Span[]} spans the same, of the board's numbering
 * @property {number} count
 * @property {number} role
 * @property {string} from what it came out of, "" for nothing
 * @property {number[]} before
 */

export const MOST = 1000;
const AT_ONCE = 100;
const SMALL = 8;
const SMALL_BOXES = 60;

export class Strands {
  /** @param {Ast} ast */
  constructor(ast) {
    /** @type {Step[]} */
    this.steps = [];
    let start = 0;
    for (const [task, n, role] of ast.nodes) {
      this.steps.push({ start, n, name: ast.tasks[task] ?? "", role, before: [] });
      start += n;
    }
    this.n = start;
    for (const [of, to, span, index] of ast.edges) this.steps[to]?.before.push({ of, span, index });
    /** @type {Crowd[]} */
    this.crowds = [];
    /** @type {number[]} of each step */
    this.crowdOf = [];
    this.#crowd();
    /** @type {Strand[]} */
    this.strands = [];
    this.#strand();
    /** @type {Set<string>} */
    this.open = new Set();
    this.#openSmall();
  }

  #crowd() {
    /** @type {Map<string, number>} */
    const known = new Map();
    this.steps.forEach((step, at) => {
      const before = [...new Set(step.before.map(({ of }) => this.crowdOf[of] ?? 0))];
      const key = `${step.role} ${before} ${step.name}`;
      const place = known.get(key) ?? this.crowds.length;
      if (place === this.crowds.length) {
        known.set(key, place);
        this.crowds.push({ steps: [], name: step.name, role: step.role, before });
      }
      this.crowds[place]?.steps.push(at);
      this.crowdOf.push(place);
    });
  }

  #strand() {
    /** @type {Map<number, Strand>} by their last crowd */
    const ends = new Map();
    this.crowds.forEach((crowd, at) => {
      const [only = -1, ...others] = crowd.before;
      const strand = ends.get(only);
      const rows = this.rowsOf(crowd);
      if (strand && !others.length && strand.rows === rows && this.#follows(crowd, only)) {
        ends.delete(only);
        strand.columns.push(at);
        ends.set(at, strand);
      } else {
        const made = { columns: [at], rows };
        this.strands.push(made);
        if (rows > 1) ends.set(at, made);
      }
    });
  }

  /** @param {Crowd} crowd */
  rowsOf(crowd) {
    return crowd.steps.length > 1 ? crowd.steps.length : (this.steps[crowd.steps[0] ?? 0]?.n ?? 0);
  }

  /** Whether row k of a crowd comes after row k of another one, and no other. @param {Crowd} crowd @param {number} other */
  #follows(crowd, other) {
    const before = this.crowds[other];
    if (!before || crowd.role || before.role) return false;
    const isOne = crowd.steps.length === 1;
    if (isOne !== (before.steps.length === 1)) return false;
    return crowd.steps.every((at, row) =>
      this.steps[at]?.before.every(({ of, span }) =>
        isOne ? span === "e" : of === before.steps[row],
      ),
    );
  }

  #openSmall() {
    let boxes = this.strands.length;
    this.strands.forEach(({ rows, columns }, at) => {
      const more = rows * columns.length - 1;
      if (rows > SMALL || boxes + more > SMALL_BOXES) return;
      boxes += more;
      this.open.add(`${at}`);
    });
  }

  /** @returns {Box[]} each behind those before it */
  boxes() {
    /** @type {Box[]} */
    const found = [];
    this.strands.forEach((_, at) => {
      this.#piece(found, at, 0, this.strands[at]?.rows ?? 0, `${at}`, "");
    });
    this.#join(found);
    return found;
  }

  /**
   * @param {Box[]} found @param {number} at
   * @param {number} from @param {number} to
   * @param {string} key @param {string} parent
   */
  #piece(found, at, from, to, key, parent) {
    const columns = this.strands[at]?.columns ?? [];
    if (to - from > 1 && !this.open.has(key)) {
      found.push(this.#box(key, columns, from, to, parent));
      return;
    }
    if (to - from <= 1) {
      for (const column of columns) this.#cell(found, column, from, `${key}/${column}`, parent);
      return;
    }
    const size = chunk(to - from);
    for (let row = from; row < to; row += size) {
      const end = Math.min(to, row + size);
      this.#piece(found, at, row, end, `${at}:${row}-${end}`, key);
    }
  }

  /**
   * One crowd in one row: a step of several members opens into those.
   * @param {Box[]} found @param {number} crowd @param {number} row
   * @param {string} key @param {string} parent
   */
  #cell(found, crowd, row, key, parent) {
    const box = this.#box(key, [crowd], row, row + 1, parent);
    if (box.count === 1 || !this.open.has(key)) {
      found.push(box);
      return;
    }
    const [step = 0, from = 0, to = 0] = box.parts[0] ?? [];
    this.#members(found, box, step, from, to, key);
  }

  /**
   * @param {Box[]} found @param {Box} like @param {number} step
   * @param {number} from @param {number} to @param {string} parent
   */
  #members(found, like, step, from, to, parent) {
    const size = chunk(to - from);
    const { start = 0 } = this.steps[step] ?? {};
    for (let i = from; i < to; i += size) {
      const end = Math.min(to, i + size);
      const key = `${like.key}.${i}-${end}`;
      if (end - i > 1 && this.open.has(key)) {
        this.#members(found, like, step, i, end, key);
        continue;
      }
      /** @type {Box} */
      const box = { ...like, key, from: parent, rows: end - i, count: end - i, before: [] };
      box.parts = [[step, i, end]];
      box.spans = [[start + i, start + end]];
      found.push(box);
    }
  }

  /**
   * @param {string} key @param {number[]} columns
   * @param {number} from @param {number} to @param {string} parent
   * @returns {Box}
   */
  #box(key, columns, from, to, parent) {
    /** @type {[number, number, number][]} */
    const parts = [];
    for (const column of columns) {
      const { steps = [] } = this.crowds[column] ?? {};
      const only = steps[0] ?? 0;
      if (steps.length === 1) {
        const isAll = columns.length === 1 && this.steps[only]?.n === 1;
        parts.push(isAll ? [only, 0, 1] : [only, from, to]);
      } else {
        for (const step of steps.slice(from, to)) parts.push([step, 0, this.steps[step]?.n ?? 0]);
      }
    }
    /** @type {Span[]} */
    const spans = [];
    let count = 0;
    for (const [step, first, stop] of parts) {
      const start = this.steps[step]?.start ?? 0;
      spans.push([start + first, start + stop]);
      count += stop - first;
    }
    const names = columns.map((column) => this.#name(column));
    const role = this.crowds[columns[0] ?? 0]?.role ?? 0;
    return { key, names, rows: to - from, parts, spans, count, role, from: parent, before: [] };
  }

  /** What a row of a crowd is called. @param {number} crowd */
  #name(crowd) {
    const { steps = [], name = "" } = this.crowds[crowd] ?? {};
    const n = this.steps[steps[0] ?? 0]?.n ?? 1;
    return steps.length > 1 && n > 1 ? `${name}×${n}` : name;
  }

  /** @param {Box[]} boxes */
  #join(boxes) {
    /** @type {[number, number, number][][]} of each step: from, to, and which box has these */
    const places = this.steps.map(() => []);
    boxes.forEach((box, at) => {
      for (const [step, from, to] of box.parts) places[step]?.push([from, to, at]);
    });
    const sets = boxes.map(() => new Set());
    this.steps.forEach((step, at) => {
      for (const edge of step.before) link(sets, places[at] ?? [], places[edge.of] ?? [], edge);
    });
    sets.forEach((set, at) => {
      set.delete(at);
      const box = boxes[at];
      if (box) box.before = [...set].sort((a, b) => a - b);
    });
  }

  /** Open a box, or close what it came out of. @param {string} key @param {boolean} isOpen */
  turn(key, isOpen) {
    if (isOpen) this.open.add(key);
    else for (const each of [...this.open]) if (isWithin(each, key)) this.open.delete(each);
  }

  /** Open all that fits; whether that is all. */
  openAll() {
    for (;;) {
      const boxes = this.boxes();
      let room = MOST - boxes.length;
      const before = this.open.size;
      let isAll = true;
      for (const box of boxes) {
        if (box.count === 1) continue;
        const more = opensInto(box);
        if (more > room) isAll = false;
        else {
          room -= more;
          this.open.add(box.key);
        }
      }
      if (this.open.size === before) return isAll;
    }
  }

  /** All that has to wait for some members, with those. @param {Span[]} spans @returns {Uint8Array} a mark for each member */
  onwards(spans) {
    const marks = new Uint8Array(this.n);
    for (const [from, to] of spans) marks.fill(1, from, to);
    for (const step of this.steps) {
      const isTask = !step.role;
      for (let i = 0; i < step.n; i += 1) {
        // What watches others as well, as the errback of a group does, goes on.
        const isHit = isTask
          ? step.before.some((edge) => this.#marked(marks, edge, i).includes(1))
          : step.before.length > 0 &&
            step.before.every((edge) => !this.#marked(marks, edge, i).includes(0));
        if (isHit) marks[step.start + i] = 1;
        if (!step.before.some(({ span }) => span === "e")) {
          if (isHit) marks.fill(1, step.start, step.start + step.n);
          break;
        }
      }
    }
    return marks;
  }

  /** The marks of all that a member waits for. @param {Uint8Array} marks @param {Edge} edge @param {number} i */
  #marked(marks, { of, span, index }, i) {
    const { start = 0, n = 0 } = this.steps[of] ?? {};
    if (span === "w") return marks.subarray(start, start + n);
    const at = start + (span === "e" ? i : index);
    return marks.subarray(at, at + 1);
  }
}

/** How many rows are one box, where so many are opened. @param {number} rows */
export function chunk(rows) {
  if (rows <= AT_ONCE) return 1;
  const least = rows / AT_ONCE;
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10);
}

/** How many boxes more there are once it is open. @param {Box} box */
export function opensInto(box) {
  const size = box.rows > 1 ? chunk(box.rows) : chunk(box.count);
  const rows = Math.ceil((box.rows > 1 ? box.rows : box.count) / size);
  return rows * (size === 1 ? box.names.length : 1) - 1;
}

/** Whether one key is of something inside of another one, or the same. @param {string} key @param {string} outer */
function isWithin(key, outer) {
  if (key === outer) return true;
  const [strand, from, to] = rangeOf(key);
  const [other, low, high] = rangeOf(outer);
  if (strand !== other) return false;
  if (outer.includes("/")) return key.startsWith(`${outer}.`);
  return from >= low && to <= high;
}

/** @param {string} key @returns {[string, number, number]} */
function rangeOf(key) {
  const [strand = "", rows] = (key.split("/")[0] ?? "").split(":");
  const [from = 0, to = Number.POSITIVE_INFINITY] = rows ? rows.split("-").map(Number) : [];
  return [strand, from, to];
}

/**
 * @param {Set<number>[]} sets @param {[number, number, number][]} mine
 * @param {[number, number, number][]} theirs @param {Edge} edge
 */
function link(sets, mine, theirs, { span, index }) {
  let first = 0;
  for (const [from, to, at] of mine) {
    if (span === "e") {
      // Both are in order: what ends in front of this one does so for all that come.
      while (first < theirs.length && (theirs[first]?.[1] ?? 0) <= from) first += 1;
      for (let place = first; place < theirs.length; place += 1) {
        const [low = 0, , other = 0] = theirs[place] ?? [];
        if (low >= to) break;
        sets[at]?.add(other);
      }
    } else {
      for (const [low, high, other] of theirs) {
        if (span === "w" || (low <= index && index < high)) sets[at]?.add(other);
      }
    }
  }
}

/**
 * The marked ones that are wanted, as spans, and how many these are.
 * @param {Uint8Array} marks @param {(i: number) => boolean} isWanted
 */
export function spansOf(marks, isWanted) {
  /** @type {Span[]} */
  const spans = [];
  let total = 0;
  marks.forEach((mark, i) => {
    if (!mark || !isWanted(i)) return;
    total += 1;
    const last = spans.at(-1);
    if (last?.[1] === i) last[1] = i + 1;
    else spans.push([i, i + 1]);
  });
  return { spans, count: total };
}
