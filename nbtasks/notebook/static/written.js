// A canvas as text, to be copied: Python code, or a Mermaid flowchart.

import { make, setAttribute, setText } from "./core.js";
import { copyText } from "./parts.js";

export class Written {
  /** @param {import("./link.js").Link} link @param {(text: string) => void} note */
  constructor(link, note) {
    this.link = link;
    this.note = note;
    this.element = make("pre", "nbt-text nbt-written");
    this.element.tabIndex = 0;
    this.element.hidden = true;
  }

  /** Show it and copy it; again hides it. @param {"code" | "mermaid"} form */
  turn(form) {
    const { element } = this;
    if (!element.hidden && element.dataset.form === form) {
      element.hidden = true;
      return;
    }
    this.link.ask({ t: "write", as: form }, ({ kind, text }, details) => {
      if (kind !== "ok") {
        this.note(text);
        return;
      }
      element.hidden = false;
      element.dataset.form = form;
      setText(element, details.text);
      setAttribute(element, "aria-label", form === "code" ? "Python code" : "Mermaid");
      copyText(details.text, this.note);
    });
  }
}
