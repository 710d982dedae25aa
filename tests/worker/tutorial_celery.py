"""An application as a tutorial of Celery would have it; `test_tutorial.py` runs it here.

Nothing but its import lines is changed for that: those that name celery. Celery is not needed.
"""

import os
import time
from pathlib import Path

from celery import Celery, Task, chain, chord, group, shared_task
from celery.exceptions import MaxRetriesExceededError, SoftTimeLimitExceeded
from celery.result import AsyncResult
from celery.schedules import crontab

app = Celery("proj", broker=os.environ["PROJ_BROKER"], backend=os.environ["PROJ_BROKER"])

app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    result_serializer="json",
    result_expires=3600,
    timezone="Europe/Oslo",
    enable_utc=True,
    task_default_queue="celery",
    task_routes={"proj.feeds.*": {"queue": "feeds"}},
    task_annotations={"proj.mul": {"time_limit": 30}},
    worker_prefetch_multiplier=1,
)

app.conf.beat_schedule = {
    "add-every-monday-morning": {
        "task": "proj.add",
        "schedule": crontab(hour=7, minute=30, day_of_week=1),
        "args": (16, 16),
    },
}


@app.task
def add(x, y):
    return x + y


@app.task
def mul(x, y):
    return x * y


@app.task
def xsum(numbers):
    return sum(numbers)


@shared_task
def tsum(*numbers):
    return sum(map(sum, numbers))


@app.task(bind=True)
def upload_files(self, filenames, gate):
    for i, file in enumerate(filenames):
        if not self.request.called_directly:
            self.update_state(
                state="PROGRESS", meta={"current": i, "total": len(filenames), "file": file}
            )
        while i == 1 and not Path(gate).exists():
            time.sleep(0.01)  # noqa: TID251 - as a tutorial does
    return {"uploaded": len(filenames)}


@app.task(bind=True, max_retries=5, default_retry_delay=0.05)
def read_file(self, path):
    try:
        return Path(path).read_text(encoding="utf-8"), self.request.retries
    except OSError as exc:
        Path(path).write_text("text", encoding="utf-8")
        raise self.retry(exc=exc) from exc


@app.task(bind=True, max_retries=1)
def give_up(self):
    try:
        self.retry(countdown=0.01)
    except MaxRetriesExceededError:
        return "gave up"


class UnreliableError(Exception):
    pass


@app.task(
    bind=True, autoretry_for=(UnreliableError,), retry_backoff=0.01, retry_kwargs={"max_retries": 3}
)
def unreliable(self):
    if self.request.retries < 2:
        raise UnreliableError("not yet")
    return self.request.retries


@app.task(soft_time_limit=0.3, time_limit=20)
def crawl():
    try:
        time.sleep(30)  # noqa: TID251 - as a tutorial does
    except SoftTimeLimitExceeded:
        return "cleaned up"


@app.task(time_limit=0.5)
def hang():
    time.sleep(30)  # noqa: TID251 - as a tutorial does


@app.task(rate_limit="20/s")
def call_api(number):
    return number


@app.task(name="proj.feeds.import_feed", bind=True)
def import_feed(self, url):
    return [url, self.request.delivery_info["routing_key"]]


@app.task(ignore_result=True)
def on_error(request, exc, traceback):  # noqa: ARG001 - as it is called
    Path(request.args[0]).write_text(f"{exc!r}", encoding="utf-8")


@app.task
def fail(path):
    raise ValueError(path)


class Counting(Task):
    _count = 0

    @property
    def count(self):
        self._count += 1
        return self._count


@app.task(base=Counting, bind=True)
def count_calls(self):
    return self.count


def workflow(n):
    header = [chain(add.s(i, i), mul.s(2)) for i in range(n)]
    return chord(header)(xsum.s())


def totals(n):
    return group(xsum.s(list(range(i))) for i in range(n))()


def state_of(task_id):
    return AsyncResult(task_id, app=app).state
