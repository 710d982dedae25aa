"""What the magics do where a line says nothing: `%config NbTasks`, and the metadata of a cell."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from IPython.core.error import UsageError
from traitlets import Bool, Enum, Unicode
from traitlets.config.configurable import Configurable

from nbtasks.notebook.options import Line, from_fields
from nbtasks.notebook.vocabulary import TASK_OPTIONS, VIEWS

KEY: Final = "nbtasks"
"""What our part of a cell's metadata is called."""

_PLACES: Final = ("queue", "on")


class NbTasks(Configurable):
    """Defaults of the magics: `%config NbTasks.view = "text"`; empty values change nothing."""

    block = Bool(default_value=False, help="Wait for each task: as --block").tag(config=True)
    view = Enum(VIEWS, "auto", help="How tasks are shown: as --view").tag(config=True)
    queue = Unicode("", help="The queue that tasks go to: as --queue").tag(config=True)
    max_input = Unicode(
        "", help="The largest variable that a task may take along: as --max-input"
    ).tag(config=True)
    confirm_inputs = Unicode(
        "", help="A variable larger than this, 10MB say, goes along only where --inputs names it"
    ).tag(config=True)

    def fields(self) -> dict[str, Any]:
        """Those options that it says something of."""
        found = {"queue": self.queue, "max_input": self.max_input}
        given: dict[str, Any] = {name: value for name, value in found.items() if value}
        if self.block:
            given["block"] = True
        if self.view != "auto":
            given["view"] = self.view
        return given


def with_defaults(line: Line, settings: NbTasks, metadata: Mapping[str, Any]) -> Line:
    """A line over the metadata of its cell, and those over the settings.

    Raises:
        UsageError: One of them has a wrong option.
    """
    fields = _mapping(metadata.get(KEY))
    levels: Sequence[Mapping[str, Any]] = (
        from_fields(settings.fields(), TASK_OPTIONS, "%config NbTasks"),
        from_fields(fields, TASK_OPTIONS, "the metadata of this cell"),
        line.options,
    )
    options: dict[str, Any] = {}
    for level in levels:
        places = [name for name in _PLACES if name in level]
        if len(places) > 1:
            raise UsageError("--on and --queue both say where it runs: give one of them")
        # The place that is said last counts, in whatever way it was said before.
        options = {n: v for n, v in options.items() if not places or n not in _PLACES} | dict(level)
    return replace(line, options=options)


def cell_metadata(shell: Any) -> Mapping[str, Any]:
    """The metadata of the cell that runs, where the front end sends it; JupyterLab does."""
    find = getattr(shell, "get_parent", None)
    return _mapping(_mapping(find() if find is not None else None).get("metadata"))


def _mapping(value: object) -> Mapping[str, Any]:
    """What came from outside, if it is of this form."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
