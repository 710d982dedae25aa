// Tabs: several pages in one place.

import { make } from "./core.js";

/**
 * Tabs, of which one is in front.
 * @param {Record<string, HTMLElement>} panels by their names, the first in front
 * @param {AbortSignal} signal @param {() => void} turned
 */
export function tabs(panels, signal, turned) {
  const list = make("div", "nbt-tabs");
  list.setAttribute("role", "tablist");
  const id = `nbt-${Math.random().toString(36).slice(2)}`;
  const names = Object.keys(panels);
  const buttons = names.map((name) => {
    const button = make("button", "nbt-tab", name);
    button.type = "button";
    button.id = `${id}-${name}`;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", `${id}-${name}-panel`);
    button.addEventListener("click", () => turn(name), { signal });
    return button;
  });
  for (const [name, panel] of Object.entries(panels)) {
    panel.id = `${id}-${name}-panel`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `${id}-${name}`);
  }
  /** @param {string | undefined} wanted @param {boolean} [isFirst] */
  const turn = (wanted, isFirst = false) => {
    names.forEach((name, at) => {
      const isFront = name === wanted;
      const [button, panel] = [buttons[at], panels[name]];
      button?.setAttribute("aria-selected", String(isFront));
      if (button) button.tabIndex = isFront ? 0 : -1;
      if (panel) panel.hidden = !isFront;
    });
    if (!isFirst) turned();
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const front = buttons.findIndex((button) => button.tabIndex === 0);
    const next = (front + step + buttons.length) % buttons.length;
    turn(names[next]);
    buttons[next]?.focus();
  };
  list.addEventListener("keydown", keys, { signal });
  list.append(...buttons);
  turn(names[0], true);
  return list;
}
