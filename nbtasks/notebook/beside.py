"""What is shown where there is no IPython: in marimo, which places widgets itself.

There are no magics, so nothing is displayed unasked: a result, an app or its schedule that ends a
cell, or stands in a layout, is asked for what it shows.
"""

import threading
from typing import Final, cast
from weakref import WeakKeyDictionary

from nbtasks.app import App
from nbtasks.notebook.bundle import Bundle
from nbtasks.notebook.frontend import resolve_view
from nbtasks.notebook.live_view import LiveView
from nbtasks.notebook.monitor import Monitor
from nbtasks.notebook.sent import Result
from nbtasks.notebook.session import Session
from nbtasks.notebook.standing import Standing
from nbtasks.notebook.timetable import Timetable
from nbtasks.result.base import ResultBase
from nbtasks.scheduled import ScheduleEntry
from nbtasks.scheduling import Schedules

_lock: Final = threading.Lock()
_sessions: "WeakKeyDictionary[App, Session]" = WeakKeyDictionary()


def shown(thing: object) -> object:
    """What is shown of a result, an app or its schedule: a live widget, a page, or its words."""
    view = resolve_view("auto")
    if view == "none":
        return None
    found = None if view == "text" else _view_of(thing)
    if found is None:
        return repr(thing)
    return found.hand_over() if view == "board" else Bundle(found.as_it_is())


def _view_of(thing: object) -> LiveView | None:
    match thing:
        case ResultBase() if isinstance(thing.source, App) and thing.records:
            return _session(thing.source).view_result(cast("Result", thing))
        case App() if thing.is_connected:
            session = _session(thing)
            return _standing(session, Monitor(thing, session.feed()), "")
        case Schedules(app=App() as app):
            session = _session(app)
            return _standing(session, Timetable(thing, session.feed()), "")
        case ScheduleEntry(app=App() as app):
            session = _session(app)
            view = Timetable(app.schedules, session.feed(), thing.name)
            return _standing(session, view, thing.name)
        case _:
            return None


def _standing(session: Session, view: Standing, only: str) -> Standing:
    """A cell that runs again shows a new one: that of before is not to read on for nobody."""
    session.take_turn(view, f"{view.kind} {only}")
    return view


def _session(app: App) -> Session:
    """One for each app: whoever looks at a marimo app has cells, and so an app, of his own."""
    with _lock:
        found = _sessions.get(app)
        if found is None:
            found = _sessions[app] = Session(app)
        return found
