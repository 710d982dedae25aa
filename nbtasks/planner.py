"""The part of an app that plans: its settings by name, its schedule, and control of workers."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

from nbtasks.conf import Conf, read_variable
from nbtasks.declaring import Declared
from nbtasks.monitor.control import Control
from nbtasks.monitor.receiving import Events
from nbtasks.overlap import Policy
from nbtasks.schedule import Schedule, schedule
from nbtasks.scheduling import Schedules
from nbtasks.signals import Signal
from nbtasks.signature import Signature
from nbtasks.submitting import Submitter


class Planner(Submitter):
    """What is to be run again and again, and how the app is set."""

    @property
    @abstractmethod
    def is_connected(self) -> bool:
        """Whether it has a connection."""

    @property
    def conf(self) -> Conf:
        """The settings, to read and to change: `app.conf.task_time_limit = 30`."""
        return Conf(self)

    def config_from_object(self, source: object, *, namespace: str = "") -> None:
        """Take settings from a module, an object or a mapping.

        Args:
            source: It, or the name of a module, `module:object` for something in one.
            namespace: Only names that begin so and with `_` are settings, in any case.

        Raises:
            ConfigError: A setting is unknown or wrong; the message says where it stands.
            ImportError: There is no such module.
        """
        self.conf.read(source, namespace)

    def config_from_envvar(self, variable: str) -> None:
        """Take settings from the module that a variable names.

        Raises:
            ConfigError: It is not set; or as in `config_from_object`.
            ImportError: There is no such module.
        """
        self.conf.read(read_variable(variable))

    @cached_property
    def on_after_configure(self) -> Signal:
        """Sent once the program is imported: `sender.add_periodic_task` has its place there."""
        return Signal("on_after_configure")

    @cached_property
    def on_after_finalize(self) -> Signal:
        """Sent behind that one."""
        return Signal("on_after_finalize")

    def finalize(self) -> None:
        """Say that all modules of the program are imported; each receiver hears it once.

        `-A` does so, and `schedules.declare()`.
        """
        for signal in (self.on_after_configure, self.on_after_finalize):
            if signal.receivers:
                signal.send(self)
                signal.receivers = ()

    @cached_property
    def schedules(self) -> Schedules:
        """What is run again and again: entries by their names."""
        return Schedules(self)

    @cached_property
    def events(self) -> Events:
        """What happens to all tasks and workers, as Celery's events."""
        return Events(self)

    @cached_property
    def control(self) -> Control:
        """Looks at workers, and tells them and tasks what to do."""
        return Control(self)

    def add_periodic_task(
        self,
        when: Schedule | float | timedelta | str,
        sig: Signature,
        args: Iterable[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        name: str = "",
        **options: Any,
    ) -> str:
        """Add an entry to the schedule of this program, as `beat_schedule` does; its name.

        It counts from `schedules.declare()` on, which `nbtasks beat -A` does. Elsewhere, as in a
        notebook, `schedules.add` is what you want.

        Args:
            when: A schedule, or what stands for one, as in `Schedules.add`.
            sig: What is sent.
            args: Arguments before its own.
            kwargs: Keywords beside its own.
            name: Its name; by default the call as text.
            **options: As in `apply_async`.

        Raises:
            ConfigError: The schedule is none, or there are two of this name.
        """
        sent = sig.clone(args, kwargs, **options)
        name = name or sent.reprcall()
        rule = schedule(when, tz=self.config.zone)
        self.schedules.add_periodic(name, Declared(sent, rule, Policy()))
        return name
