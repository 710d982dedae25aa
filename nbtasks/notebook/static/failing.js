// What can be done about all failures of a board: go through them, run them again, note their ids.

import { count, FAILURE, make, setAttribute, setText } from "./core.js";
import { actButton, copyText, plainButton } from "./parts.js";

/** @typedef {import("./link.js").Link} Link */

export class Failing {
  /**
   * @param {Link} link
   * @param {{note: (text: string) => void, next: () => void}} actions
   * @param {AbortSignal} signal
   */
  constructor(link, { note, next }, signal) {
    this.link = link;
    this.element = make("div", "nbt-failing");
    this.element.setAttribute("role", "group");
    setAttribute(this.element, "aria-label", "failures");
    this.text = make("pre", "nbt-text");
    this.text.tabIndex = 0;
    this.text.hidden = true;
    setAttribute(this.text, "aria-label", "ids of what has failed");
    const told = { note, signal };
    const show = plainButton("Next failure", "", next, signal);
    setAttribute(show, "title", "Key: f");
    this.copy = actButton({
      text: "Copy ids",
      label: "Copy ids of all that has failed",
      act: (report) =>
        link.ask({ t: "ids" }, (reply, details) => {
          report(reply);
          if (details?.text) this.#copy(details.text, note);
        }),
      ...told,
    });
    this.retry = actButton({
      text: "Retry failed",
      label: "Retry failed: run all of them again",
      sure: () => `Sure? ${count(link.state.counts[FAILURE] ?? 0)}`,
      act: (report) => link.ask({ t: "retry", i: null }, report),
      ...told,
    });
    this.element.append(show, this.copy, this.retry);
  }

  /** @param {string} text @param {(text: string) => void} note */
  async #copy(text, note) {
    let isCopied = false;
    await copyText(text, (said) => {
      isCopied = said === "copied";
    });
    const ids = text.split("\n").length;
    note(isCopied ? `${count(ids)} ${ids === 1 ? "id" : "ids"} copied` : "");
    setText(this.text, isCopied ? "" : text); // the browser does not let us: from here it can be
    this.text.hidden = isCopied;
  }

  show() {
    const { state, ended, orphaned } = this.link;
    const gone = ended || orphaned;
    this.element.hidden = !state.counts[FAILURE];
    this.copy.hidden = gone;
    this.retry.hidden = gone || !state.caps.includes("retry");
  }
}
