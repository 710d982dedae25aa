// The keyboard's place in a widget: what has it may vanish, be hidden, or be moved.

const STOPS = "button, canvas, summary, input, select, [tabindex]";

/** Whether it can be seen. @param {Element} element */
const isShown = (element) => element.isConnected && element.getClientRects().length > 0;

/** @param {HTMLElement} button */
function twinOf(button) {
  return /** @type {HTMLElement | null} */ (
    button.parentElement?.querySelector(":scope > [hidden]")
  );
}

/** What has the focus in a widget, or null. @param {HTMLElement} root @returns {HTMLElement | null} */
export function focusIn(root) {
  const tree = /** @type {Document | ShadowRoot} */ (root.getRootNode());
  const found = tree.activeElement ?? null;
  return root.contains(found) ? /** @type {HTMLElement} */ (found) : null;
}

/**
 * Do something that may take away what has the focus; then what is next to it has it.
 * @param {HTMLElement} root
 * @param {() => void} change
 * @param {(held: HTMLElement) => HTMLElement | null | undefined} [near] what is rather to have it; by default the button that
 *   comes where another goes: Resume for Pause
 */
export function keepFocus(root, change, near = twinOf) {
  const held = focusIn(root);
  const stops = held ? [...root.querySelectorAll(STOPS)] : [];
  const wanted = held ? near(held) : null;
  change();
  if (!held || (focusIn(root) === held && isShown(held))) return;
  const at = stops.indexOf(held);
  const order = [held, wanted, ...stops.slice(at + 1), ...stops.slice(0, at).reverse(), root];
  const next = order.find((stop) => stop && isShown(stop));
  /** @type {HTMLElement | undefined} */ (next)?.focus({ preventScroll: true });
}
