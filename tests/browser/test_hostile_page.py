"""Whatever texts say, in every widget and in what a notebook keeps of it, they are only text."""

import pytest
from gallery import SCENES, play
from hostile import HOSTILE
from page_side import open_shown

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning"),
]

ELEMENTS = "[...document.querySelectorAll('#host *')].map((node) => node.localName).join()"
ATTRIBUTES = r"""[...document.querySelectorAll('#host *')].flatMap((node) => [...node.attributes])
  .filter(({ name, value }) => /^on|^href$|^autofocus$|^srcdoc$/.test(name)
    || (name === "src" && !value.startsWith("data:image/")))
  .length"""
KEEP = "(html) => { if (html) document.getElementById('host').innerHTML = html }"


@pytest.fixture
def shown(chromium, scene, monkeypatch, background):
    with open_shown(chromium, scene.kind, None, monkeypatch, background) as found:
        yield found


def hang_up(shown, text):
    """Have it say that something went wrong, in these words."""
    for content in shown.page.evaluate("window.sent"):
        answer = {"t": "ack", "id": content["id"], "ok": False, "error": text, "details": None}
        shown.messages.append((answer, []))
    shown.deliver()


def elements(shown, scene, app, text):
    """What there is of the live widget, and of what a notebook keeps of it."""
    play(shown, scene, app, text)
    hang_up(shown, text)
    found = []
    for html in (None, shown.view._static()["text/html"]):
        shown.page.evaluate(KEEP, html)
        shown.page.evaluate("window.painted()")
        assert shown.page.evaluate(ATTRIBUTES) == 0, text
        found.append(shown.page.evaluate(ELEMENTS))
    return found


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name.replace(" ", "-"))
def test_hostile_text_adds_no_element_no_dialog_and_no_request(shown, scene, emptied_app):
    expected = elements(shown, scene, emptied_app, "plain")
    for text in HOSTILE:
        assert elements(shown, scene, emptied_app, text) == expected, text
