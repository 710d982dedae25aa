// The limits of a Monitor: how often the tasks of a name begin, and which do not begin at all.

import { make, setAttribute, setText } from "./core.js";
import { actButton, plainButton } from "./parts.js";
import { holdButtons } from "./queues.js";
import { Table } from "./table.js";

/** @typedef {import("./channel.js").Channel<any>} Line */
/** @typedef {{task: string, rate: string, paused: number}} Limit `0` is no limit, empty: not said */

const RATES = "10/s, 5/m, 1/h; 0 for none";

/** @param {string} rate */
const rateWords = (rate) => (rate === "0" ? "no limit" : rate || "–");

/** What is said of tasks at run time, and a form to say more. */
export class Limits {
  /** @param {Line} link @param {(text: string) => void} note @param {AbortSignal} signal */
  constructor(link, note, signal) {
    this.link = link;
    this.note = note;
    this.signal = signal;
    this.table = new Table(
      "Limits",
      [
        { title: "task" },
        {
          title: "begins at most",
          number: true,
          text: (/** @type {Limit} */ row) => rateWords(row.rate),
        },
        { title: "" },
      ],
      (/** @type {Limit} */ row) => row.task,
      ({ task }, stop) => this.#limit(task, stop),
      signal,
    );
    this.add = plainButton("Limit a task…", "", () => this.#open("", "", this.add), signal);
    this.add.classList.add("nbt-limit");
    this.form = make("form", "nbt-form");
    this.form.hidden = true;
    this.form.dataset.lmSuppressShortcuts = "true";
    /** @type {HTMLElement} where the form was opened from */
    this.opener = this.add;
    this.opened = 0;
    this.task = make("input");
    this.rate = make("input");
    this.names = make("datalist");
    this.error = make("div", "nbt-error");
    this.error.setAttribute("role", "alert");
    this.#build();
    this.table.element.append(this.form, this.add);
  }

  get element() {
    return this.table.element;
  }

  #build() {
    const { form, task, rate, names, signal } = this;
    names.id = `nbt-names-${Math.random().toString(36).slice(2)}`;
    task.setAttribute("list", names.id);
    rate.placeholder = RATES;
    task.required = true;
    rate.required = true;
    for (const [text, input] of /** @type {[string, HTMLElement][]} */ ([
      ["task", task],
      ["begins at most", rate],
    ])) {
      const label = make("label", "nbt-field", text);
      label.append(input);
      form.append(label);
    }
    const set = make("button", "nbt-button nbt-main", "Set");
    const close = plainButton("Cancel", "", () => this.#close(), signal);
    form.append(names, set, close, this.error);
    form.addEventListener("submit", (event) => this.#set(event), { signal });
    form.addEventListener("keydown", (event) => this.#key(event), { signal });
  }

  /** The host hears of none: Enter means something to a notebook. @param {KeyboardEvent} event */
  #key(event) {
    event.stopPropagation();
    if (event.key === "Escape") this.#close();
    else if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
    else this.form.requestSubmit();
    event.preventDefault();
  }

  /** @param {string} task @param {string} rate @param {HTMLElement} opener */
  #open(task, rate, opener) {
    this.opener = opener;
    this.opened += 1;
    this.task.value = task;
    this.task.readOnly = task !== "";
    this.rate.value = rate;
    this.#fail("");
    this.form.hidden = false;
    this.add.hidden = true;
    const field = task ? this.rate : this.task;
    field.focus();
    field.select();
  }

  #close() {
    const hadFocus = this.form.matches(":focus-within");
    this.opened += 1;
    this.form.hidden = true;
    this.add.hidden = this.link.over;
    if (hadFocus) this.opener.focus();
  }

  /** @param {string} text @param {boolean} [isWrong] */
  #fail(text, isWrong = text !== "") {
    setText(this.error, text);
    setAttribute(this.rate, "aria-invalid", String(isWrong));
  }

  /** @param {Event} event */
  #set(event) {
    event.preventDefault();
    const message = { t: "limit", task: this.task.value.trim(), rate: this.rate.value };
    const { opened } = this;
    this.link.ask(message, ({ kind, text }) => {
      if (opened !== this.opened) return; // it is another form by now
      if (kind === "ok") this.#close();
      else this.#fail(text, kind === "error");
    });
  }

  /** @param {Limit[]} limits @param {string} more @param {Iterable<string>} names */
  show(limits, more, names) {
    const { link, form, add } = this;
    if (link.over) form.hidden = true;
    add.hidden = link.over || !form.hidden;
    this.element.hidden = link.over && !limits.length;
    this.table.show(limits, more);
    this.table.table.hidden = !limits.length;
    const known = [...new Set(names)].sort();
    if (known.join() === this.names.dataset.known) return;
    this.names.dataset.known = known.join();
    this.names.replaceChildren(
      ...known.map((name) => Object.assign(make("option"), { value: name })),
    );
  }

  /**
   * @param {string} task @param {AbortSignal} signal
   * @returns {import("./table.js").Line<Limit>}
   */
  #limit(task, signal) {
    const { link, note } = this;
    let said = "";
    const paused = make("span", "nbt-paused", "paused");
    const who = make("div");
    who.append(make("bdi", "nbt-strong", task), " ", paused);
    const open = () => this.#open(task, said, edit);
    const edit = plainButton("Edit", `Edit the rate of ${task}`, open, signal);
    const hold = holdButtons(link, `the tasks ${task}`, { task }, { note, signal });
    const remove = actButton({
      text: "Remove",
      label: `Remove the rate of ${task}`,
      act: (report) => link.ask({ t: "limit", task, rate: "" }, report),
      note,
      signal,
    });
    const buttons = make("div", "nbt-buttons");
    buttons.append(edit, ...hold.buttons, remove);
    return {
      cells: [who, buttons],
      show: (limit) => {
        said = limit.rate;
        paused.hidden = !limit.paused;
        hold.show(limit.paused);
        remove.hidden = !limit.rate;
        buttons.hidden = link.over;
      },
    };
  }
}
