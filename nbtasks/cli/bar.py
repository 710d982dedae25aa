"""How far something is, in a terminal; nothing where nobody looks."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

Draw = Callable[[str, float, float | None], None]
"""What it is, how far, and of how much (None: unknown)."""


@contextmanager
def progress_bar(text: str) -> Generator[Draw | None]:
    """A bar on stderr, gone at the end; None where that is no terminal, or without rich."""
    if not sys.stderr.isatty():
        yield None
        return
    try:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    except ImportError:
        yield None
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(text, total=None)
        yield lambda text, done, total: progress.update(
            task, description=text, completed=done, total=total
        )
