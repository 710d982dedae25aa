"""The monitor in JupyterLab: each of its controls, in the light and in the dark."""

import pytest
from laboratory import OPEN, SECONDS, run_cell, set_theme
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(180)]

CELLS = [
    "%load_ext nbtasks\n%broker --start 2",
    """%%task def fit(n)
import threading
threading.Event().wait(n)
if n == 0.3:
    raise ValueError("no fold is left")""",
    """app = fit.app
short = [fit.delay(n % 4 / 10) for n in range(40)]
ended = [each.get(60, propagate=False) for each in short]
long = [fit.delay(900) for _ in range(2)]
later = [fit.s(1).set(queue="gpu").delay() for _ in range(12)]
app.control.rate_limit("lab.upload", "5/m")""",
    "%tasks --all",
    "app",
]


class Seen:
    """The monitor, and what is done with it."""

    def __init__(self, page, cell):
        self.root = page.locator(".jp-Cell").nth(cell).get_by_role("region", name="Monitor")

    def button(self, name):
        """What is called so, or begins so."""
        return self.root.get_by_role("button", name=name).first

    def press(self, *names):
        """Click one after the other."""
        for name in names:
            self.button(name).click(timeout=SECONDS)

    def press_twice(self, name):
        """Click what asks once more."""
        button = self.button(name)
        button.click(timeout=SECONDS)
        expect(button).to_contain_text("Sure?")
        button.click()

    def says(self, text):
        """Wait for what an answer says."""
        expect(self.root.locator(".nbt-says")).to_contain_text(text, timeout=SECONDS)

    def shows(self, text, *, is_there=True):
        """Wait for a text in some table, or until it is in none."""
        table = self.root.locator(".nbt-table", has_text=text)
        expect(table.first).to_be_visible(visible=is_there, timeout=SECONDS)

    def shoot(self, path):
        """Take a picture of all of it."""
        self.root.screenshot(path=path)


@pytest.fixture
def seen(page, lab):
    """It, with tasks that run and wait."""
    page.set_viewport_size({"width": 1280, "height": 1300})
    lab.add("monitor.ipynb", CELLS)
    page.evaluate(OPEN, "monitor.ipynb")
    for at in range(4):
        run_cell(page, at)
    found = Seen(page, 3)
    expect(found.root.locator(".nbt-open", has_text="fit")).to_have_count(2, timeout=SECONDS)
    found.shows("gpu")
    return found


def test_each_control_of_the_monitor_does_what_it_says(page, seen, screenshots):
    change_queues(seen)
    change_limits(page, seen)
    end_tasks(page, seen, screenshots / "monitor-light.png")
    set_theme(page, "JupyterLab Dark")
    seen.shoot(screenshots / "monitor-dark.png")
    order_workers(seen)

    run_cell(page, 4)
    expect(Seen(page, 4).root).to_be_visible(timeout=SECONDS)
    expect(seen.root).to_have_count(0)
    expect(page.locator(".jp-Cell").nth(3).locator("table").first).to_contain_text("local-1")


def change_queues(seen):
    seen.press("Pause the queue gpu", "Resume the queue gpu", "Pause the queue gpu")
    seen.press_twice("End all that waits in gpu")
    seen.says("12 tasks ended in gpu")


def change_limits(page, seen):
    seen.press("Limit a task")
    page.keyboard.type("fit")
    page.keyboard.press("Tab")
    page.keyboard.type("10/s")
    page.keyboard.press("Enter")
    seen.shows("10/s")
    seen.press("Edit the rate of fit")
    page.keyboard.type("2/s")
    page.keyboard.press("Enter")
    seen.press("Pause the tasks fit", "Resume the tasks fit", "Remove the rate of lab.upload")
    seen.shows("lab.upload", is_there=False)


def end_tasks(page, seen, picture):
    seen.press("What local-1")
    expect(seen.button("Terminate fit")).to_be_visible(timeout=SECONDS)
    choose_running(page, seen)
    seen.shoot(picture)
    seen.press_twice("Terminate this task")
    seen.press_twice("Terminate fit")
    expect(seen.root.locator(".nbt-slot[data-busy]")).to_have_count(0, timeout=SECONDS)
    seen.shows("Nothing now")


def choose_running(page, seen):
    """By the keyboard, the last bar of the stream that has no end."""
    seen.root.get_by_role("img", name="Task stream").focus()
    hint = seen.root.locator(".nbt-stream .nbt-hint")
    page.keyboard.press("ArrowRight")
    for _ in range(3):
        if "local-2" in hint.inner_text() and "running" in hint.inner_text():
            break
        page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(seen.root.locator(".nbt-chosen")).to_contain_text("local-2")


def order_workers(seen):
    slots = seen.root.locator(".nbt-slot")
    seen.press("Ask whether local-1")
    seen.says("local-1 answered in")
    seen.press("+: One slot more for local-1")
    expect(slots).to_have_count(3, timeout=SECONDS)
    seen.press("One slot less for local-1")
    expect(slots).to_have_count(2, timeout=SECONDS)
    seen.press_twice("Have local-2")
    seen.shows("local-2", is_there=False)
