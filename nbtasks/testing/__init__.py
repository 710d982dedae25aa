"""For tests of programs that use nbtasks: eager apps, real workers, and a clock that can be moved.

    from nbtasks.testing import FakeClock, drain, private_app

    def test_a_report_is_sent_after_an_hour():
        with private_app() as app:
            clock = FakeClock(app)
            report = app.send_task("reports.send", ["a@b.org"], countdown=3600)
            assert drain(app) == []
            assert drain(app, seconds=3600) == [report]

The plugin of pytest that comes along (`nbtasks.testing.plugin`) has the same as fixtures.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from nbtasks.testing.apps import eager_app, private_app, private_server
    from nbtasks.testing.draining import drain
    from nbtasks.testing.moving import FakeClock
    from nbtasks.testing.workers import RunningWorker, start_worker

_HOMES: Final = {
    "apps": ("eager_app", "private_app", "private_server"),
    "draining": ("drain",),
    "moving": ("FakeClock",),
    "workers": ("RunningWorker", "start_worker"),
}
_HOME_OF: Final = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "FakeClock",
    "RunningWorker",
    "drain",
    "eager_app",
    "private_app",
    "private_server",
    "start_worker",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'nbtasks.testing' has no attribute {name!r}")
    value = getattr(import_module(f"nbtasks.testing.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
