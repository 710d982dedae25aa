"""What a process with children does before its first task and behind its last one."""

import logging
import os
from collections.abc import Iterable
from importlib import import_module

from nbtasks.app import current_app, set_current_app
from nbtasks.signals import worker_process_init, worker_process_shutdown

logger = logging.getLogger(__name__)


def begin_process(imports: Iterable[str]) -> None:
    """Have the modules of the program, with all that they connect, and say that a process begins.

    Args:
        imports: Their names. One that cannot be imported is logged here, and is an error of each
            task that needs it.
    """
    app = current_app()
    for module in imports:
        try:
            import_module(module)
        except Exception:
            logger.exception("module %s cannot be imported", module)
    set_current_app(app)  # a program has one of its own, which may not be where this worker is
    if worker_process_init.receivers:
        worker_process_init.send(None)


def end_process() -> None:
    """Say that it ends, as it was told to; one that is killed says nothing."""
    if worker_process_shutdown.receivers:
        worker_process_shutdown.send(None, pid=os.getpid(), exitcode=0)
