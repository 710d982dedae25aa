"""What the magics do where a line says nothing: `%config NbTasks`, and the metadata of a cell."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, cast

from IPython.core.error import UsageError
from traitlets import Bool, Enum, Unicode
from traitlets.config.configurable import Configurable

from nbtasks.notebook.options import Line, from_fields
from nbtasks.notebook.vocabulary import TASK_OPTIONS, VIEWS

KEY: Final = "nbtasks"
"""What our part of a cell's metadata is called."""

_RIVALS: Final = {
    ("on", "queue"): "where it runs",
    ("log", "no-log"): "whether what it prints is shown",
}
"""Of two that say the same thing, the one that is said last counts, in whatever way it was said."""


class NbTasks(Configurable):
    """Defaults of the magics: `%config NbTasks.view = "text"`; empty values change nothing."""

    block = Bool(default_value=False, help="Wait for each task: as --block").tag(config=True)
    view = Enum(VIEWS, "auto", help="How tasks are shown: as --view").tag(config=True)
    log = Bool(default_value=True, help="Show what tasks print: as --log, --no-log").tag(
        config=True
    )
    progress_after = Unicode(
        "", help="A board appears only where a task takes longer than this: 2s, 1m"
    ).tag(config=True)
    queue = Unicode("", help="The queue that tasks go to: as --queue").tag(config=True)
    max_input = Unicode(
        "", help="The largest variable that a task may take along: as --max-input"
    ).tag(config=True)
    confirm_inputs = Unicode(
        "",
        help="A variable larger than this, 10MB say, goes along only where --inputs names it; what"
        " looks like a secret in any case, but with none",
    ).tag(config=True)

    def fields(self) -> dict[str, Any]:
        """Those options that it says something of."""
        found = {"queue": self.queue, "max_input": self.max_input}
        given: dict[str, Any] = {name: value for name, value in found.items() if value}
        if self.block:
            given["block"] = True
        if not self.log:
            given["no_log"] = True
        if self.view != "auto":
            given["view"] = self.view
        return given


def with_defaults(line: Line, settings: NbTasks, metadata: Mapping[str, Any]) -> Line:
    """A line over the metadata of its cell, and those over the settings.

    Raises:
        UsageError: One of them has a wrong option.
    """
    fields = _mapping(metadata.get(KEY))
    options: dict[str, Any] = {}
    for level in (
        from_fields(settings.fields(), TASK_OPTIONS, "%config NbTasks"),
        from_fields(fields, TASK_OPTIONS, "the metadata of this cell"),
        line.options,
    ):
        for (one, other), what in _RIVALS.items():
            if one in level and other in level:
                raise UsageError(f"--{one} and --{other} both say {what}: give one of them")
            if one in level or other in level:
                options.pop(one, None)
                options.pop(other, None)
        options |= level
    return replace(line, options=options)


def cell_metadata(shell: Any) -> Mapping[str, Any]:
    """The metadata of the cell that runs, where the front end sends it; JupyterLab does."""
    find = getattr(shell, "get_parent", None)
    return _mapping(_mapping(find() if find is not None else None).get("metadata"))


def _mapping(value: object) -> Mapping[str, Any]:
    """What came from outside, if it is of this form."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}
