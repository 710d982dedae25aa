"""The tables of `%tasks`: live for this notebook, and those of everybody."""

import pytest
from patience import wait_until


@pytest.fixture
def gate(kernel, tmp_path):
    kernel.ok(f"""
from pathlib import Path
import threading
def hold(path):
    while not Path(path).exists():
        threading.Event().wait(0.01)
gate = {str(tmp_path / "go")!r}
""")
    return tmp_path / "go"


def row(kernel, message, name):
    """The words of a line of a table, as it reads now."""
    kernel.read()
    (table,) = (data["text/plain"] for data in kernel.cells[message].displays)
    return next(line.split() for line in table.splitlines() if line.startswith(name))


def test_a_table_follows_its_tasks_until_they_have_ended(kernel, gate):
    kernel.ok("%%task waits --quiet\nhold(gate)")
    message = kernel.start("%tasks")
    kernel.finish(message)
    assert row(kernel, message, "waits")[1] in {"PENDING", "STARTED"}

    gate.touch()
    wait_until(lambda: row(kernel, message, "waits")[1] == "SUCCESS", "the table knows")
    kernel.ok("followers = get_ipython().magics_manager.registry['NbTasksMagics'].session._feed[1]")
    wait_until(lambda: kernel.ok("len(followers._sent)").value == "0", "nobody follows any more")


def test_only_the_last_table_is_live(kernel, gate):
    kernel.ok("%%task waits --quiet\nhold(gate)")
    first, last = kernel.start("%tasks"), kernel.start("%tasks")
    kernel.finish(first)
    kernel.finish(last)

    gate.touch()
    wait_until(lambda: row(kernel, last, "waits")[1] == "SUCCESS", "the last one knows")
    assert row(kernel, first, "waits")[1] != "SUCCESS"


def test_the_tasks_of_everybody_are_listed(kernel):
    kernel.ok("%%task mine -b --quiet --tag blue\n1")
    kernel.ok("from nbtasks import App\nfrom operator import neg\nother = App()")
    kernel.ok("other.map(neg, [1, 2]).get()")
    kernel.ok("other.task(neg, name='not-mine').delay(1).get()")

    table = kernel.ok("%tasks --all -n 3").displays[0]["text/plain"].splitlines()
    assert table[0].startswith("3 tasks of ")
    assert table[0].endswith(" stored, of everybody")
    assert [line.split()[:4] for line in table[2:4]] == [
        ["not-mine", "SUCCESS", "1", "of"],
        ["_operator.neg", "2", "SUCCESS", "2"],
    ]
    assert "mine" in kernel.ok("%tasks --all --tag blue").displays[0]["text/plain"]
    assert "neg" not in kernel.ok("%tasks --all -s REVOKED").displays[0]["text/plain"]
