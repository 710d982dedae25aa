"""Notes of what a notebook has sent."""

from operator import neg

import pytest

from nbtasks.notebook.sent import Sent, read_note
from nbtasks.notebook.trail import Trail
from nbtasks.store.notes import KEPT, note_sent

pytestmark = pytest.mark.filterwarnings("ignore::nbtasks.NoWorkerWarning")


@pytest.fixture
def trail(app, monkeypatch):
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/mine.ipynb")
    return Trail(lambda: app)


def test_a_loop_of_calls_does_not_push_the_cells_out(app, trail):
    results = [app.task(neg).delay(number) for number in range(KEPT + 6)]
    for result in results:
        result.revoke()
    trail.note(Sent("cell", results[0], "key", ("tag",)))
    for result in results[1:]:
        trail.note(Sent("call", result, is_call=True))

    notes = trail.read()
    assert [note.name for note in notes] == ["cell", *["call"] * KEPT]
    (cell,) = trail.find(notes[:1])
    assert (cell.name, cell.key, cell.tags, cell.is_past, cell.is_call) == (
        "cell", "key", ("tag",), True, False,
    )  # fmt: skip


def test_what_is_not_stored_any_more_is_dropped(app, trail):
    result = app.task(neg).delay(0)
    trail.note(Sent("gone", result))
    result.revoke()
    assert result.forget()

    app.close()  # as a new kernel, it knows nothing
    assert trail.find(trail.read()) == []
    assert trail.read() == []


@pytest.mark.parametrize(
    "data",
    [b"", b"\xff", b"[]", b"{}", b'{"id": 1, "name": 2, "line": [["t", 5, 1, 0]]}', b"[" * 99999],
)
def test_nonsense_is_no_note(app, trail, data):
    note_sent(app.store, trail.name, [data])

    assert read_note(data) is None
    assert trail.read() == []


def test_without_a_notebook_nothing_is_noted(app, trail, monkeypatch):
    monkeypatch.delenv("JPY_SESSION_NAME")

    trail.note(Sent("cell", result := app.map(neg, [1])))
    result.revoke()
    assert trail.read() == []
