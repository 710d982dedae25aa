"""What an editor says of calls: mypy and pyright must find just the errors marked."""

from typing import Any

from nbtasks import App, AsyncResult, Task, TaskContext, shared_task

app = App()


@app.task
def add(x: int, y: int) -> int:
    """Add."""
    return x + y


@app.task(bind=True, max_retries=5)
def fetch(self: TaskContext, url: str, *, timeout: float = 1.0) -> bytes:
    """Fetch."""
    raise self.retry(countdown=timeout, exc=ValueError(url))


@shared_task(queue="gpu")
def fit(rate: float) -> str:
    """Fit."""
    return str(rate)


def right() -> tuple[int, bytes, str]:
    """Calls that are right."""
    result: AsyncResult[int] = add.delay(1, 2)
    task: Task[[int, int], int] = add
    number: int = task(1, 2) + result.get()
    return number, fetch.delay("u", timeout=2).get(), fit.apply_async((0.1,), queue="cpu").get()


def wrong() -> tuple[Any, ...]:
    """Calls that are wrong."""
    text: str = add.delay(1, 2).get()  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    return (  # pyright: ignore[reportUnknownVariableType]
        text,
        add.delay("x", 1),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        add.delay(1),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        add.delay(1, 2, z=3),  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        add("x", 1),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        fetch.delay(1),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        fetch.delay("u", timeout="x"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        fit.delay("x"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    )
