"""No widget breaks a rule of axe-core: in each state, in bare pages and in JupyterLab's colours."""

import json
import os
import sys
from pathlib import Path

import pytest
from browsing import DARK, LIGHT
from gallery import SCENES, play
from page_side import open_shown

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning"),
]

AXE = Path(__file__).parents[1] / "js" / "node_modules" / "axe-core" / "axe.min.js"
THEMES = Path(sys.prefix) / "share" / "jupyter" / "lab" / "themes" / "@jupyterlab"
SKINS = {
    "light": (LIGHT, ""),
    "dark": (DARK, ""),
    "JupyterLab-light": ("var(--jp-layout-color0)", "theme-light-extension"),
    "JupyterLab-dark": ("var(--jp-layout-color0)", "theme-dark-extension"),
}
WEAR = """async ([ground, sheet, isDark]) => {
  document.querySelector("#skin")?.remove();
  const style = document.createElement("style");
  style.id = "skin";
  style.textContent = `${sheet} body { background: ${ground} !important }`;
  document.head.append(style);
  document.body.dataset.theme = ground + sheet.length;
  const nodes = () => document.querySelectorAll(".nbt").length;
  while (nodes() !== document.querySelectorAll(isDark ? ".nbt[data-dark]"
    : ".nbt:not([data-dark])").length) await window.painted();
  await window.painted();
}"""
# What is wider than its place at 200 %, and what moves though it should not.
FITS = """async () => {
  await window.painted();
  const wide = document.documentElement.scrollWidth > innerWidth ? ["wider than the page"] : [];
  for (const button of document.querySelectorAll("td button:not([hidden])")) {
    if (!button.getClientRects().length) continue;
    const { left } = button.closest("td").getBoundingClientRect();
    if (button.getBoundingClientRect().left < left) wide.push(button.textContent);
  }
  return [...wide, ...document.getAnimations().map(({ animationName }) => animationName)];
}"""
# Where the colours are the reader's own: what has no edge or fill, or words, that are to be seen.
UNSEEN = """() => {
  const brush = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const paint = (colours) => {
    for (brush.fillStyle of colours) brush.fillRect(0, 0, 1, 1);
    return brush.getImageData(0, 0, 1, 1).data.join();
  };
  const isSeen = (colour, grounds) => paint([...grounds, colour]) !== paint(grounds);
  const under = (node) => (node
    ? [...under(node.parentElement), getComputedStyle(node).backgroundColor] : ["Canvas"]);
  const isThere = (node) => {
    const { backgroundColor, borderTopColor, borderTopWidth, color } = getComputedStyle(node);
    const edge = parseFloat(borderTopWidth) ? borderTopColor : "transparent";
    const grounds = under(node.parentElement);
    return [backgroundColor, edge].some((colour) => isSeen(colour, grounds))
      && (!node.textContent || isSeen(color, under(node)));
  };
  const isBox = (node) => {
    const { fill, stroke } = getComputedStyle(node.querySelector(".nbt-box"));
    return [fill, stroke].some((colour) => isSeen(colour, under(node))) && [
      ...node.querySelectorAll("text"),
    ].every((text) => isSeen(getComputedStyle(text).fill, [...under(node), fill]));
  };
  const found = [...document.querySelectorAll(".nbt-node, .nbt-button, .nbt-bar")];
  return found.filter((node) => node.checkVisibility()
    && !(node.matches(".nbt-node") ? isBox : isThere)(node)).map((node) => node.outerHTML);
}"""
# A box of a graph has no room for a long name: its label has all of it, and axe wants what is cut.
RUN = """async () => {
  const found = await axe.run("#host", { resultTypes: ["violations"] });
  const isCut = (id, html) => id === "label-content-name-mismatch" && html.includes("…</text>");
  return found.violations.flatMap(({ id, nodes }) => nodes
    .filter(({ target: [at] }) => !isCut(id, document.querySelector(at)?.innerHTML ?? ""))
    .map(({ html, failureSummary }) => `${id}: ${html}\n${failureSummary}`));
}"""


@pytest.fixture
def shown(chromium, scene, monkeypatch, background):
    with open_shown(chromium, scene.kind, None, monkeypatch, background) as found:
        found.page.evaluate(AXE.read_text())
        yield found


def wear(page, skin):
    """Give the page other colours."""
    ground, theme = SKINS[skin]
    sheet = (THEMES / theme / "index.css").read_text() if theme else ""
    page.evaluate(WEAR, [ground, sheet, "dark" in skin])


def look_at(shown, scene, skin):
    """A picture for who wants to see it."""
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        name = f"{scene.name.replace(' ', '-').replace(',', '')}-{skin}.png"
        shown.page.screenshot(path=Path(folder) / name, full_page=True)


def emulate(page, look):
    """Have the browser be another one."""
    page.emulate_media(
        forced_colors="active" if look == "forced" else "none",
        reduced_motion="reduce" if look == "zoomed" else "no-preference",
    )
    page.set_viewport_size({"width": 500 if look == "zoomed" else 1000, "height": 700})


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name.replace(" ", "-"))
def test_axe_finds_nothing_in_any_colours_and_all_fits_at_200_percent(shown, scene, emptied_app):
    play(shown, scene, emptied_app, "fit the model")
    found = {}
    for skin in SKINS:
        wear(shown.page, skin)
        look_at(shown, scene, skin)
        found[skin] = shown.page.evaluate(RUN)
    assert not any(found.values()), json.dumps(found, indent=1).replace("\\n", "\n")
    for look in ("forced", "zoomed"):
        emulate(shown.page, look)
        look_at(shown, scene, look)
        if look == "forced":
            assert shown.page.evaluate(UNSEEN) == []
    assert shown.page.evaluate(FITS) == []
