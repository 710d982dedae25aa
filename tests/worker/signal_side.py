"""A program that writes down all signals: one JSON line each, with the process it came in."""

import json
import os
import threading
from pathlib import Path

from nbtasks import App, current_app, signals

app = App()
NOTES = Path(os.environ["SIGNAL_NOTES"])


def note(*, signal, sender, **named):
    who = str(getattr(sender, "name", sender))
    words = {"signal": signal.name, "pid": os.getpid(), "sender": who}
    told = {name: value for name, value in named.items() if isinstance(value, (str, int, list))}
    line = json.dumps({**words, **told, "has": sorted(named)})
    with NOTES.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


for name in signals.__all__:
    if name != "Signal":
        getattr(signals, name).connect(note)


@signals.celeryd_init.connect
def set_up(conf, options, **_):
    conf.task_max_retries = 1
    options["concurrency"] = 1


@signals.task_prerun.connect(sender="signal_side.well")
def break_down(**_):
    raise ValueError("a receiver that fails is only logged")


@signals.before_task_publish.connect
def trace(headers, **_):
    headers["trace"] = "from " + headers["task"]


@app.task
def well(x):
    return x


@app.task(bind=True)
def bad(self, x):
    if self.request.retries == 0:
        raise self.retry(countdown=0)
    raise KeyError(x)


@app.task(bind=True)
def parent(self):
    current_app().send_task("signal_side.well", (1,))
    return self.request.headers


@app.task
def endless():
    threading.Event().wait()
