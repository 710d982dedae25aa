"""What the buttons of several widgets do to tasks."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from nbtasks.app import App
from nbtasks.live import LiveRecord
from nbtasks.notebook.sent import Result

Members = Sequence[tuple[LiveRecord, int]]


def cancel(app: App, result: Result, members: Members | None) -> None:
    """End members that have not finished; without any, all that was sent with the result."""
    if members is None:
        result.give_up()
    else:
        cancel_each(app, members)


def cancel_each(app: App, members: Members) -> None:
    """End members that have not finished."""
    for record, several in groupby(members, key=itemgetter(0)):
        # A call for each run of neighbours: there may be thousands.
        numbered = enumerate(index for _, index in several)
        for _, run in groupby(numbered, key=lambda pair: pair[1] - pair[0]):
            indices = [index for _, index in run]
            app.revoke(record, indices[0], indices[-1] + 1, terminate=True)


def cancel_waiting(app: App, records: Sequence[LiveRecord]) -> None:
    """End what nobody has begun."""
    # What comes after first: it is revoked by itself, and no errback runs.
    for record in reversed(records):
        if record.left and not record.missing:
            app.store.revoke_waiting(record.rid, 0, record.n)


def retry(app: App, members: Members) -> None:
    """Run members that have failed again."""
    for record, several in groupby(members, key=itemgetter(0)):
        app.run_all_again(record, [index for _, index in several])
