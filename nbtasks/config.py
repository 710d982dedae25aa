"""Settings: frozen, checked at once, from arguments, the environment, a project and defaults."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, cast

from nbtasks import keyring
from nbtasks.annotations import check_annotations
from nbtasks.compression import check_method
from nbtasks.errors import ConfigError
from nbtasks.loglines import LogSettings
from nbtasks.rates import rate_us
from nbtasks.record import MAX_PRIORITY, check_limits, check_name
from nbtasks.routes import Routes, check_queues, read_routes
from nbtasks.schedule.zones import local_zone, zone_name
from nbtasks.serializers import MOST, PICKLE, make_codec
from nbtasks.settings import from_project, from_variables, translate, working_folder
from nbtasks.signing import INSECURE_KEY

ENV_URL: Final = "NBTASKS_URL"
ENV_KEY: Final = "NBTASKS_KEY"
ENV_KEY_FILE: Final = "NBTASKS_KEY_FILE"
ENV_INSECURE: Final = "NBTASKS_INSECURE"
ENV_ENCRYPT: Final = "NBTASKS_ENCRYPT"
ENV_SERIALIZER: Final = "NBTASKS_SERIALIZER"
ENV_ACCEPT: Final = "NBTASKS_ACCEPT_CONTENT"
ENV_MAX_AGE: Final = "NBTASKS_MAX_AGE_MS"
REPLICA: Final = "replica"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(LogSettings):
    """The settings of an app, with those of `LogSettings`.

    Attributes:
        name: The app; its keys in Redis carry it, so apps of other names do not see each other.
        url: Where Redis is; empty for the embedded server. Not shown: it may hold a password.
        key: The secrets that sign tasks and results, one a line: the first one signs, all are
            accepted. Empty for the embedded server's own, or the user's key file. Never shown.
        insecure: Do without a secret: whoever reaches this Redis can then run code on all sides.
        encrypt: Encrypt arguments, values, errors and code; needs the extra `crypto`.
        serializer: What arguments, values and errors travel as: `pickle`, or `json`, which also
            sends functions by name only.
        accept_content: What this side reads; empty for what `serializer` needs: both, with
            `pickle`.
        max_age_ms: Tasks signed longer ago than this are refused; 0 for any age.
        default_queue: Where tasks go that name no queue.
        lease_ms: How long a worker may be silent before its tasks go to another.
        heartbeat_ms: How often a worker renews its leases.
        max_deliveries: How many dead workers a task may leave behind before it is given up.
        result_expires_ms: How long a finished record stays.
        max_input: Largest argument, function or captured input, in bytes.
        patience_ms: How long to go on trying to reach Redis before a call fails.
        max_queued: How many tasks may wait in a queue before a submit to it fails; 0: any number.
        full_patience_ms: How long a submit waits for room in a full queue, or in a Redis without
            memory, before it fails.
        redrive: Whether a task that Redis has lost is sent again, which may run it twice.
        redrive_bytes: How much of unfinished tasks a client keeps for that; what is above is not
            sent again.
        durable: `replica` where a submit waits until a replica has it.
        replica_patience_ms: How long it waits for that before it raises `NotReplicated`.
        archive_url: The database of the archive (`App.archive`), as SQLAlchemy writes it; empty for
            none. Not shown: it may hold a password.
        timezone: The time zone of schedules that name none, as `Europe/Paris`; empty for UTC.
        enable_utc: False where schedules that name no zone, of an app that names none, are in the
            zone of this machine.
        beat_schedule: What the program runs again and again, by name: `task`, `schedule`, `args`,
            `kwargs`, `options`, and the policies of `Schedules.add`.
        beat_schedule_version: Where two versions of a program run side by side, the schedule of
            the higher one counts.
        beat_max_loop_interval: Seconds after which whoever fires schedule entries looks again, at
            the latest; 0 for 5.
        task_allow_error_cb_on_chord_header: Have an errback of a chord watch its header, too.
        task_always_eager: Run tasks and canvases in this process, at once, and send nothing.
        task_eager_propagates: Raise what such a run fails of where it was asked for.
        task_time_limit_ms: Kill tasks that run longer and name no limit; 0 for no limit.
        task_soft_time_limit_ms: Raise `SoftTimeLimitExceeded` in them, likewise.
        task_default_priority: Priority of tasks that name none, 0 to 9, higher first.
        task_default_retry_delay_ms: How long a task waits for its next try that names no delay.
        task_max_retries: How often a task is tried again that names errors, but no number.
        task_acks_late: Whether a task that names neither may be run again if its process dies.
        task_reject_on_worker_lost: False to give a task up at the first death of its process.
        task_compression: How arguments and values of tasks are compressed that do not say it; empty
            for not at all.
        task_default_rate_limit: How often tasks of a name begin that say nothing of it, as `10/s`.
        task_annotations: Options over those of tasks, by their names; `*` for all.
        task_routes: Queue and priority of tasks that name none, by rules: see `routes`.
        task_queues: The queues that a worker takes from which is told none; empty for the default.
        task_create_missing_queues: False where tasks may go to those only.
        imports: Modules that a worker imports, because tasks are sent by name.
        worker_concurrency: Tasks at a time of a worker; 0 for one per core.
        worker_prefetch_multiplier: What a process is given in one go, at most; 0 for as many as
            take a few milliseconds.
        worker_max_tasks_per_child: Tasks after which a process is replaced; 0 for never.
        worker_max_memory: Bytes of memory after which it is replaced; 0 for never.
        task_ignore_result: Keep no value of a task that nothing waits for in its canvas.
        task_store_errors_even_if_ignored: Of such a task keep errors whole; else only their words.
        task_store_eager_result: Store the ends of such a run in Redis, as if workers had run it.
    """

    name: str = "main"
    url: str = field(default="", repr=False)
    key: bytes = field(default=b"", repr=False)
    insecure: bool = False
    encrypt: bool = False
    serializer: str = PICKLE
    accept_content: tuple[str, ...] = ()
    max_age_ms: int = 0
    default_queue: str = "default"
    lease_ms: int = 15_000
    heartbeat_ms: int = 5_000
    max_deliveries: int = 3
    result_expires_ms: int = 86_400_000
    max_input: int = 64_000_000
    patience_ms: int = 15_000
    max_queued: int = 0
    full_patience_ms: int = 0
    redrive: bool = True
    redrive_bytes: int = 64_000_000
    durable: str = ""
    replica_patience_ms: int = 2000
    archive_url: str = field(default="", repr=False)
    timezone: str = ""
    enable_utc: bool = True
    beat_schedule: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    beat_schedule_version: int = 0
    beat_max_loop_interval: float = 0
    task_allow_error_cb_on_chord_header: bool = False
    task_always_eager: bool = False
    task_eager_propagates: bool = False
    task_time_limit_ms: int = 0
    task_soft_time_limit_ms: int = 0
    task_default_priority: int = 0
    task_default_retry_delay_ms: int = 1000
    task_max_retries: int = 3
    task_acks_late: bool = True
    task_reject_on_worker_lost: bool = True
    task_compression: str = ""
    task_default_rate_limit: Any = None
    task_annotations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Any])
    task_routes: Any = field(default=(), hash=False)
    task_queues: tuple[str, ...] = ()
    task_create_missing_queues: bool = True
    imports: tuple[str, ...] = ()
    worker_concurrency: int = 0
    worker_prefetch_multiplier: int = 0
    worker_max_tasks_per_child: int = 0
    worker_max_memory: int = 0
    worker_disable_rate_limits: bool = False
    task_ignore_result: bool = False
    task_store_errors_even_if_ignored: bool = False
    task_store_eager_result: bool = False
    routes: Routes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_name(self.name, "the app's name")
        check_name(self.default_queue, "queue")
        for name, kind in (("url", str), ("key", bytes), ("archive_url", str)):
            value = getattr(self, name)
            if not isinstance(value, kind):
                # Not the value itself: it may be a secret.
                raise ConfigError(
                    f"{name} is of type {type(value).__name__}: it must be {kind.__name__}"
                )
        check_durable(self.durable)
        zone_name(self.timezone)
        self._check_numbers()
        self._check_flags()
        self._check_forms()
        self._check_tasks()
        self.check_logs()
        if self.heartbeat_ms * 2 > self.lease_ms:
            raise ConfigError(
                f"heartbeat_ms is {self.heartbeat_ms} and lease_ms {self.lease_ms}: a lease must"
                " last at least two heartbeats"
            )
        if self.max_input > MOST:
            raise ConfigError(f"max_input is {self.max_input:,}: Redis takes at most {MOST:,}")

    def _check_numbers(self) -> None:
        for name in _POSITIVE:
            if not _is_whole(getattr(self, name), 1):
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}: it must be a whole number above 0"
                )
        for name in _FROM_ZERO:
            if not _is_whole(getattr(self, name), 0):
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}: it must be a whole number from 0"
                )

        if not isinstance(self.beat_schedule, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance] # a user's
            raise ConfigError(f"beat_schedule is {self.beat_schedule!r}: it must be a dict")
        interval: Any = self.beat_max_loop_interval  # it comes from the user
        if isinstance(interval, bool) or not isinstance(interval, (int, float)) or interval < 0:
            raise ConfigError(f"beat_max_loop_interval is {interval!r}: give seconds, from 0")

    def _check_flags(self) -> None:
        for name in _FLAGS:
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ConfigError(f"{name} is {value!r}: it must be True or False")
        if self.insecure and self.key not in {b"", INSECURE_KEY}:
            raise ConfigError(
                "insecure is set, and there is a key as well: leave out the one or the other"
            )
        if self.insecure and self.encrypt:
            raise ConfigError(
                "encrypt needs a key, and insecure does without: leave out one of them"
            )

    def _check_forms(self) -> None:
        names: Any = self.accept_content  # it comes from the user
        if not isinstance(names, (tuple, list)):
            raise ConfigError(f"accept_content is {names!r}: it must be a tuple of names")
        accepts = tuple(map(str, cast("Sequence[object]", names)))
        object.__setattr__(self, "accept_content", accepts)  # a list is as good
        make_codec(str(self.serializer), accepts)
        object.__setattr__(self, "task_compression", check_method(self.task_compression or ""))

    @property
    def zone(self) -> str:
        """The time zone of schedules that name none.

        Raises:
            ConfigError: It is that of this machine, which does not say its name.
        """
        return self.timezone or ("UTC" if self.enable_utc else local_zone())

    @property
    def usual_queues(self) -> tuple[str, ...]:
        """What a worker takes from that is told no queue."""
        return self.task_queues or (self.default_queue,)

    def _check_tasks(self) -> None:
        check_limits(self.task_soft_time_limit_ms, self.task_time_limit_ms)
        if self.task_default_priority > MAX_PRIORITY:
            raise ConfigError(
                f"task_default_priority is {self.task_default_priority}: it must be a whole number"
                " from 0 to 9"
            )
        names: Any = self.imports  # it comes from the user
        if not isinstance(names, (tuple, list)):
            raise ConfigError(f"imports is {names!r}: it must be a list of modules")
        object.__setattr__(self, "imports", tuple(map(str, cast("Sequence[object]", names))))
        check_annotations(self.task_annotations)
        rate_us(self.task_default_rate_limit or None, "task_default_rate_limit")
        queues = check_queues(self.task_queues)
        known = () if self.task_create_missing_queues else (self.default_queue, *queues)
        object.__setattr__(self, "task_queues", queues)
        object.__setattr__(self, "routes", read_routes(self.task_routes, known))

    def with_settings(self, settings: Mapping[str, Any], source: str = "") -> "Config":
        """A copy with other settings, under their own or Celery's names.

        Args:
            settings: What is to be another.
            source: Where they come from, for wording; empty for the code that says it.

        Raises:
            ConfigError: There is no such setting, and the message names the nearest one; or a value
                is wrong.
        """
        try:
            return replace(self, **translate(settings, KINDS))
        except ConfigError as error:
            if not source:
                raise
            raise ConfigError(f"{error} ({source})") from None


KINDS: Final[Mapping[str, Any]] = {item.name: item.type for item in fields(Config) if item.init}
"""The settings, and their types."""

_FLAGS = (
    "insecure",
    "task_acks_late",
    "task_reject_on_worker_lost",
    "encrypt",
    "redrive",
    "enable_utc",
    "task_allow_error_cb_on_chord_header",
    "task_always_eager",
    "task_create_missing_queues",
    "task_eager_propagates",
    "task_ignore_result",
    "task_store_eager_result",
    "task_store_errors_even_if_ignored",
    "worker_disable_rate_limits",
    "worker_hijack_root_logger",
    "worker_log_json",
    "worker_log_tasks",
)
_POSITIVE = (
    "lease_ms",
    "heartbeat_ms",
    "max_deliveries",
    "result_expires_ms",
    "max_input",
    "patience_ms",
    "replica_patience_ms",
)
_FROM_ZERO = (
    "max_queued",
    "full_patience_ms",
    "redrive_bytes",
    "max_age_ms",
    "task_time_limit_ms",
    "task_soft_time_limit_ms",
    "task_default_priority",
    "task_default_retry_delay_ms",
    "task_max_retries",
    "worker_concurrency",
    "worker_prefetch_multiplier",
    "worker_max_tasks_per_child",
    "worker_max_memory",
    "beat_schedule_version",
)


def check_durable(durable: object) -> None:
    """Refuse what says nothing about how safe a submit is to be.

    Raises:
        ConfigError: It is neither `replica` nor empty.
    """
    if durable not in {"", REPLICA}:
        raise ConfigError(f'durable is {durable!r}: it must be "replica" or ""')


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def to_environment(config: Config) -> dict[str, str]:
    """The variables that tell another process how this app signs and encodes; not where it is."""
    return {
        ENV_KEY: "" if config.insecure else config.key.decode("utf-8", "surrogateescape"),
        ENV_INSECURE: str(int(config.insecure)),
        ENV_ENCRYPT: str(int(config.encrypt)),
        ENV_SERIALIZER: config.serializer,
        ENV_ACCEPT: ",".join(config.accept_content),
        ENV_MAX_AGE: str(config.max_age_ms),
    }


_hidden: dict[str, str] = {}


def hide_secrets() -> None:
    """Take the key, and a URL with a password, out of the environment of this process.

    Programs that tasks start would see them there. `from_environment` still knows them.
    """
    for name in (ENV_KEY, ENV_URL):
        value = os.environ.get(name, "")
        if name == ENV_KEY or "@" in value or "password" in value:
            _hidden.update({name: value} if value else {})
            os.environ.pop(name, None)


def hidden_secrets() -> dict[str, str]:
    """What was taken out of the environment, for a process that goes on in the place of this."""
    return dict(_hidden)


def remember_secrets(secrets: Mapping[str, str]) -> None:
    """Know what another process has taken out of its environment."""
    _hidden.update(secrets)


def from_environment(environ: Mapping[str, str] | None = None) -> Config:
    """The settings that variables give, as NBTASKS_URL and NBTASKS_KEY, and the project over none.

    Args:
        environ: The variables; None for those of this process, what was hidden of them, and the
            table `[tool.nbtasks]` of the pyproject.toml that is nearest.

    Raises:
        ConfigError: The key file cannot be read or others may read it; there is no such setting, or
            it has a wrong value.
    """
    project: tuple[dict[str, Any], str] = ({}, "")
    if environ is None:
        environ, project = {**_hidden, **os.environ}, from_project(working_folder())
    settings = from_variables(environ, KINDS)
    path = environ.get(ENV_KEY_FILE, "")
    if not settings.get("key") and path:
        settings["key"] = keyring.read(Path(path), ENV_KEY_FILE)
    table, source = project
    base = Config().with_settings(table, f"in [tool.nbtasks] of {source}")
    return base.with_settings(settings, "in the environment")
