"""The signals of a worker's life, sent in its parent, and those of tasks that only it can know of.

They run what a program has connected, where no other code of a user's runs: a receiver that takes
long holds up the worker, as in Celery.
"""

import os
from dataclasses import dataclass
from typing import Any

from nbtasks.app import current_app
from nbtasks.record import Header, member_id
from nbtasks.request import Request
from nbtasks.signals import (
    Signal,
    beat_embedded_init,
    heartbeat_sent,
    task_received,
    task_revoked,
    worker_init,
    worker_ready,
    worker_shutdown,
    worker_shutting_down,
)
from nbtasks.worker.codes import Codes
from nbtasks.worker.delivery import Delivery
from nbtasks.worker.options import WorkerOptions
from nbtasks.worker.shutdown import WARM


@dataclass(frozen=True, slots=True)
class Instance:
    """A worker, as the sender of its signals.

    Attributes:
        name: Its name.
        queues: What it takes from.
        concurrency: Tasks at a time, at most.
        pid: Its process.
    """

    name: str
    queues: tuple[str, ...]
    concurrency: int
    pid: int

    @property
    def hostname(self) -> str:
        """Its name; so it is called in Celery."""
        return self.name

    @property
    def app(self) -> Any:
        """The app whose tasks it runs."""
        return current_app()


class Moments:
    """Says once what happens once."""

    def __init__(self, options: WorkerOptions) -> None:
        self._options = options
        self._me = Instance(options.name, options.queues, options.concurrency, os.getpid())
        self._is_ready = self._is_ending = False

    def begins(self) -> None:
        """It is about to start its children."""
        self._send(worker_init)
        if self._options.beat:
            self._send(beat_embedded_init)

    def beats(self) -> None:
        """Redis has heard that it lives; the first time it is ready."""
        if not self._is_ready:
            self._is_ready = True
            self._send(worker_ready)
        self._send(heartbeat_sent)

    def ends(self, step: int) -> None:
        """It was told to stop, or to stop faster."""
        self._is_ending = True
        if worker_shutting_down.receivers:
            how = "Warm" if step == WARM else "Cold"
            # Celery's sender of this one is the name alone.
            worker_shutting_down.send(self._me.name, sig="", how=how, exitcode=0)

    def leaves(self) -> None:
        """Its children have ended."""
        if not self._is_ending:  # it had nothing to finish
            self.ends(WARM)
        self._send(worker_shutdown)

    def _send(self, signal: Signal) -> None:
        if signal.receivers:
            signal.send(self._me)


def tell_received(worker: str, delivery: Delivery, header: Header) -> None:
    """Tasks were taken, and go to a child, which looks at their signatures."""
    if task_received.receivers:
        for index in range(delivery.start, delivery.stop):
            task_received.send(worker, request=_request(worker, delivery, index, header))


def tell_revoked(delivery: Delivery, index: int, number: int, worker: str, codes: Codes) -> None:
    """A task that a child has is revoked, and is to get this signal; each is told of once."""
    if task_revoked.receivers and delivery.holds(index) and index not in delivery.revoked:
        delivery.revoked.add(index)
        header = codes.facts(delivery.header)
        request = _request(worker, delivery, index, header)
        task_revoked.send(
            header.task, request=request, terminated=True, signum=number, expired=False
        )


def _request(worker: str, delivery: Delivery, index: int, header: Header) -> Request:
    """What the parent knows of a task: not its arguments, which it does not decode."""
    task_id = member_id(delivery.rid, index, delivery.members)
    return Request(
        id=task_id,
        task=header.task,
        retries=delivery.retries,
        hostname=worker,
        root_id=header.root_id or task_id,
        parent_id=header.parent_id or None,
        group=header.group_id or None,
        stamps=header.stamps,
        headers=header.headers,
        max_retries=header.retry.max_retries,
        ignore_result=bool(header.ignores),
    )
