"""`%workers check`: what this notebook uses, here and on the workers."""

import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import packages_distributions
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final

from nbtasks import __version__
from nbtasks.app import App
from nbtasks.distributions import installed, plain_name
from nbtasks.notebook.frontend import is_stable
from nbtasks.notebook.listing import View, count_of
from nbtasks.store.fleet import WorkerFacts, packages_of

PYTHON: Final = "python"
ALWAYS: Final = ("nbtasks", "cloudpickle")
SAME: Final = "the same"
MISSING: Final = "not installed"
UNKNOWN: Final = "it does not say"
LOCAL: Final = "a file of yours"
NAMES_SHOWN: Final = 3

_COLUMNS: Final = ("", "here", "there", "on", "")
_OWN: Final = {"nbtasks", "IPython", "ipykernel", *sys.stdlib_module_names}

Row = tuple[str, str, str, str, str]


def check_table(app: App, shell: Any) -> View:
    """What is installed here and on each worker, of all that the variables of the notebook use."""
    workers = app.workers()
    if not workers:
        return View("No worker to compare with: %workers start", (), ())
    here, local = used(shell.user_ns, shell.user_ns_hidden)
    there = {worker.name: _told(app, worker) for worker in workers}
    rows = [row for name, version in here.items() for row in compare(name, version, there)]
    differing = {row[0] for row in rows if row[4]}
    files = [
        (name, LOCAL, "sent along", "all", "")
        if name in app.packages
        else (name, LOCAL, "", "", f"%workers sync {name}")
        for name in local
    ]
    head = (
        f"{count_of(len(here), 'package')} compared with {count_of(len(workers), 'worker')}:"
        f" {len(differing) or 'none'} {'differs' if len(differing) == 1 else 'differ'}"
    )
    order = list(here)
    rows.sort(key=lambda row: (row[0] not in differing, order.index(row[0]), not row[4]))
    if is_stable():
        return View(head, (), ())
    return View(head, _COLUMNS, [*rows, *files])


def used(
    namespace: Mapping[str, Any], hidden: Iterable[str]
) -> tuple[Mapping[str, str], Sequence[str]]:
    """What variables use: versions of distributions by name, and modules that belong to none.

    Args:
        namespace: The variables.
        hidden: Those that are not the user's.
    """
    skip = set(hidden)
    values = [v for name, v in namespace.items() if name not in skip and not name.startswith("_")]
    tops = sorted({top for value in values if (top := _top(value)) and top not in _OWN})
    versions = installed()
    found = {PYTHON: platform.python_version()}
    found |= {name: versions.get(name, __version__) for name in ALWAYS}
    local: list[str] = []
    titles: Mapping[str, Sequence[str]] | None = None
    for top in tops:
        names: Sequence[str] = (plain_name(top),)
        if names[0] not in versions:
            titles = packages_distributions() if titles is None else titles
            names = [plain_name(title) for title in titles.get(top, ())]
        known = {name: versions[name] for name in names if name in versions}
        found |= known
        local += [] if known else [top]
    return found, local


def compare(name: str, here: str, there: Mapping[str, Mapping[str, str] | None]) -> Sequence[Row]:
    """A line for each version that workers have of a package; one where all have the same.

    Args:
        name: Of the package.
        here: Its version in the kernel.
        there: What each worker has installed, by its name; None where it does not say.
    """
    workers: dict[str, list[str]] = {}
    for worker, packages in there.items():
        found = UNKNOWN if packages is None else packages.get(name, MISSING)
        workers.setdefault(SAME if found == here else found, []).append(worker)
    return [
        (name, here, found, _joined(names, len(there)), _verdict(name, here, found))
        for found, names in workers.items()
    ]


def _verdict(name: str, here: str, there: str) -> str:
    if there in {SAME, UNKNOWN}:
        return ""
    if there == MISSING:
        return f"⚠ pip install {name}=={here}"
    # The first two numbers: what stands behind them is not to change what code means.
    if here.split(".")[:2] == there.split(".")[:2]:
        return "differs a little"
    return "⚠ functions cannot go there, cells can" if name == PYTHON else "⚠ differs"


def _joined(names: Sequence[str], total: int) -> str:
    if len(names) == total:
        return "all"
    more = len(names) - NAMES_SHOWN
    return ", ".join(names[:NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _told(app: App, worker: WorkerFacts) -> Mapping[str, str] | None:
    found = packages_of(app.store, worker.name)
    return found and {**found, "nbtasks": worker.version or found.get("nbtasks", "?")}


def _top(value: object) -> str:
    """The first part of the name of the module that a value is, or is from."""
    # Of others the class is asked: what an object says of itself may be anything, or take long.
    if isinstance(value, ModuleType):
        name = value.__name__
    elif isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        name = value.__module__ or ""
    else:
        name = type(value).__module__
    return name.partition(".")[0] if name != "__main__" else ""
