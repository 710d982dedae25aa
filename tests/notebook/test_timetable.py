"""What is kept of a schedule that was shown."""

from contextlib import closing

from workers import KEY

from nbtasks.app import App
from nbtasks.notebook.feed import Feed
from nbtasks.notebook.timetable import Timetable


class NoEvents:
    """A stream that nothing comes from."""

    def add_flusher(self, fn):
        """Nothing is flushed."""


def test_where_redis_is_gone_what_was_seen_last_is_kept(own_server):
    with closing(App("own", broker=own_server.url, key=KEY, patience_ms=200)) as app:
        app.schedules.add("nightly", app.task(abs, name="abs").s(-1), "0 7 * * mon-fri")
        table = Timetable(app.schedules, Feed(NoEvents()))
        own_server.kill()

        table._read_again()
        table.stop()

        assert "nightly  at 07:00, Monday to Friday, UTC" in table._static()["text/plain"]
        assert "cannot be reached" in table._whole()[0]["error"]
