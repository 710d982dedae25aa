"""A client that submits the same 25 unique tasks as others at the same time; prints their ids."""

import sys
import warnings
from pathlib import Path

from patience import wait_until

from nbtasks import App

warnings.simplefilter("ignore")
url, name, key, gate = sys.argv[1:]
app = App(name, broker=url, key=key)
fit = app.task(abs, name="fit", unique=True)
app.store.connect()
Path(gate).touch()
wait_until(Path(gate).with_name("go").exists, "all clients are there", 60)
print(*[fit.delay(n).id for n in range(25)])  # noqa: T201 - this is how it answers
