"""What is counted of tasks, and what of it a notebook keeps."""

from dataclasses import replace

import pytest
from board_side import record, succeed

from nbtasks import App
from nbtasks.live import ErrorText
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.inquiry import Inquiry
from nbtasks.notebook.results import Results
from nbtasks.notebook.tally import Tally
from nbtasks.notebook.values import Glances
from nbtasks.states import FAILURE


def fail(one, index, type_name):
    one.errors[index] = ErrorText(type_name, "no")
    one.finish(index, bytes([FAILURE]), [b""], "w", 1_000_000)


def failures(tally):
    tally.drain()
    return [(found.type_name, found.first, found.count) for found in tally.by_frequency()]


def test_who_fails_otherwise_after_a_retry_counts_as_what_it_is_now():
    one = record(3)
    tally = Tally([one])
    fail(one, 0, "ValueError")
    fail(one, 2, "ValueError")
    assert failures(tally) == [("ValueError", 0, 2)]

    one.again(0, 1)
    one.hear_again(0, 1)
    fail(one, 0, "KeyError")
    assert failures(tally) == [("KeyError", 0, 1), ("ValueError", 2, 1)]


class Shelf:
    """Where values come from."""

    def __init__(self):
        self.store = self

    def value_sizes(self, rid, indices):
        del rid
        return [6 for _ in indices]

    def values(self, record, indices):
        del record
        return [271828 for _ in indices]


@pytest.mark.parametrize("encrypt", [False, True])
def test_a_saved_table_has_no_values_that_are_encrypted(fresh_app, thread, encrypt):
    fresh_app.config = replace(fresh_app.config, encrypt=encrypt)
    one = record(3)
    succeed(one, 0, 1, 2)
    table = Results(
        Tally([one]),
        title="fit",
        cancel=len,
        retry=len,
        glances=Glances(Shelf),
        feed=Feed(thread),
        inquiry=Inquiry(fresh_app, fresh_app),
    )

    table.show("html")

    assert ("271828" in table._static()["text/html"]) != encrypt


def test_a_value_that_cannot_be_had_is_not_shown(tmp_path):
    app = App("gone", broker=f"unix://{tmp_path}/none", key="k" * 32, patience_ms=100)
    one = record()
    succeed(one, 0)

    Inquiry(app, app).read_value(one, 0)

    assert one.output.get(0) is None
