// JupyterLab and Notebook 7, where they show a widget: what they know and tell no widget.

/** @typedef {{connect(slot: (from: any, status: string) => void): void, disconnect(slot: (from: any, status: string) => void): void}} Signal */
/** @typedef {{id: string, data: Record<string, any>}} Kept what takes the place of a widget */

const WIDGET_VIEW = "application/vnd.jupyter.widget-view+json";
const TWIN_CLASS = "nbt-twin";
const ENDINGS = ["restarting", "autorestarting", "terminating", "dead"];

/**
 * Hear of a kernel that ends on its own, and of a line to it that was cut.
 * @param {any} manager of the widget; only these hosts have what we look for
 * @param {{lost: () => void, back: () => void}} calls
 * @returns {() => void} what stops it
 */
export function watchKernel(manager, { lost, back }) {
  const session = manager?.context?.sessionContext;
  if (!session?.statusChanged || !session.connectionStatusChanged) return () => {};
  const status = (/** @type {any} */ _, /** @type {string} */ now) => {
    if (ENDINGS.includes(now)) lost();
  };
  const line = (/** @type {any} */ _, /** @type {string} */ now) => {
    if (now === "connected") back();
  };
  session.statusChanged.connect(status);
  session.connectionStatusChanged.connect(line);
  return () => {
    session.statusChanged.disconnect(status);
    session.connectionStatusChanged.disconnect(line);
  };
}

/**
 * Put what is kept in the place of the widget, in the notebook of this page. A page that was loaded
 * after the cell had run is not brought the kernel's updates of its outputs.
 * @param {any} manager @param {Kept} kept
 */
export function putInPlace(manager, { id, data }) {
  for (const cell of manager?.context?.model?.cells ?? []) {
    const { outputs } = cell;
    for (let at = 0; at < (outputs?.length ?? 0); at++) {
      if (outputs.get(at).data?.[WIDGET_VIEW]?.model_id !== id) continue;
      const next = at + 1 < outputs.length ? outputs.get(at + 1).data?.["text/html"] : "";
      if (String(next).includes(TWIN_CLASS)) outputs.set(at + 1, output({ "text/html": "" }));
      outputs.set(at, output(data));
    }
  }
}

/** @param {Record<string, any>} data */
const output = (data) => ({ output_type: "display_data", data, metadata: {} });
