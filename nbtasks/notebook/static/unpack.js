// What a notebook is sent of a widget: its modules, packed. A page unpacks each kind only once.

const [NAME, PACKED] = ["__NAME__", "__PACKED__"];
const DIGITS =
  "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/** Of five digits four bytes: a sixteenth less is sent than in base 64. */
function bytesOf() {
  const found = new Uint8Array(Math.floor((PACKED.length * 4) / 5));
  for (let at = 0; at < found.length; at += 4) {
    let word = 0;
    const digits = PACKED.slice((at * 5) / 4, (at * 5) / 4 + 5).padEnd(5, "~");
    for (const digit of digits) word = word * 85 + DIGITS.indexOf(digit);
    for (let i = 0; i < 4; i++) found[at + i] = word >>> (24 - 8 * i);
  }
  return found;
}

async function unpack() {
  const stream = new Blob([bytesOf()]).stream().pipeThrough(new DecompressionStream("deflate"));
  const source = await new Response(stream).text();
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    return (await import(url)).default;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** @type {Record<symbol, Map<string, Promise<any>>>} */
const page = /** @type {any} */ (globalThis);
const key = Symbol.for("nbtasks");
page[key] ??= new Map();
const known = page[key];
if (!known.has(NAME)) {
  const unpacking = unpack();
  known.set(NAME, unpacking);
  unpacking.catch(() => known.delete(NAME));
}

export default await known.get(NAME);
