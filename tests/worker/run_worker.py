"""A worker with settings that the command line does not have: run_worker.py URL APP NAME JSON."""

import json
import logging
import os
import sys
from pathlib import Path

from nbtasks.app import App, set_current_app
from nbtasks.config import Config
from nbtasks.worker.kinds import PoolOptions
from nbtasks.worker.worker import Worker, WorkerOptions

if __name__ == "__main__":
    form = "%(created).3f %(levelname)s %(message)s"
    logging.basicConfig(level="INFO", format=form, stream=sys.stderr)
    url, app, name, text = sys.argv[1:]
    settings = json.loads(text)
    options = WorkerOptions(
        name=name,
        queues=tuple(settings.pop("queues", ["default"])),
        concurrency=settings.pop("concurrency", 1),
        pool=PoolOptions(**settings.pop("pool", {})),
        gone_ms=settings.pop("gone_ms", None),
    )
    watched = settings.pop("audit", "")
    if watched:
        parent = os.getpid()

        def hook(event, _):
            if event == "pickle.find_class" and os.getpid() == parent:
                with Path(watched).open("a") as file:
                    file.write(event)

        sys.addaudithook(hook)
    config = Config(name=app, url=url, key=os.environ["NBTASKS_KEY"].encode(), **settings)
    set_current_app(App.from_config(config))  # as the command line does
    sys.exit(Worker(config, options).run())
