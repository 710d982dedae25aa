"""What an app holds once it is connected: store, signer, events, and the embedded server if any."""

import logging
import os
import warnings
from dataclasses import dataclass, replace
from typing import Final, Self
from weakref import WeakValueDictionary

from nbtasks import embedded, keyring
from nbtasks.clock import Clock
from nbtasks.config import ENV_KEY, ENV_KEY_FILE, Config
from nbtasks.errors import ConfigError
from nbtasks.events import EventStream
from nbtasks.live import LiveRecord
from nbtasks.presence import stack_level
from nbtasks.redrive import Redrive
from nbtasks.signing import INSECURE_KEY, Signer
from nbtasks.store.link import Link
from nbtasks.store.store import Store

logger = logging.getLogger(__name__)

_INSECURE: Final = (
    "insecure=True: tasks and results carry no signature, so whoever reaches this Redis can run"
    " code here and on every other side"
)


class InsecureWarning(UserWarning):
    """There is no signing key, because `insecure=True` says so."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What an app holds once it is connected."""

    store: Store
    signer: Signer
    events: EventStream
    server: "embedded.EmbeddedServer | None"

    @classmethod
    def open(
        cls,
        config: Config,
        clock: Clock,
        redrive: Redrive,
        records: "WeakValueDictionary[str, LiveRecord]",
    ) -> "Connection":
        """Reach the Redis of these settings, or the embedded server where they name none.

        Args:
            config: The settings.
            clock: Where time comes from.
            redrive: What is to be sent again where Redis has lost it.
            records: What an earlier connection of the app followed.

        Raises:
            NoServer: There is no URL, and no server can be started.
            StoreUnavailable: Nobody answers at the URL.
            ConfigError: There is a URL, but no key.
        """
        config, server = resolve(config)
        store = Store(config.url, config.name, clock, config.patience_ms)
        store.connect()
        signer = Signer(config.key, config.name, encrypt=config.encrypt)
        return cls(store, signer, EventStream(store, signer, redrive, records), server)

    def __call__(self) -> Self:
        """This one: Celery's programs write `with app.connection() as connection:`."""
        return self

    def __enter__(self) -> Self:
        """This one; the app closes it, not whoever leaves the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing: it is the app's."""

    def close(self) -> None:
        """End the event thread and close the connection."""
        self.events.close()
        self.store.close()


def tell_insecure(config: Config) -> None:
    """Log that there is no signing key, where that is so: what workers do in place of a warning."""
    if config.insecure:
        logger.warning("%s", _INSECURE)


def resolve(
    config: Config, *, as_worker: bool = False
) -> "tuple[Config, embedded.EmbeddedServer | None]":
    """The settings with URL and key filled in; starts or joins the embedded server for it.

    Raises:
        NoServer: There is no URL, and no server can be started.
        ConfigError: There is a URL, but no key.
    """
    if not config.url:
        if config.insecure:
            raise ConfigError(
                "insecure is set, but the embedded server has a key of its own: leave it out"
            )
        server = embedded.join(as_worker=as_worker)
        return replace(config, url=server.url, key=config.key or server.key), server
    Link(config.url)  # says what is wrong with a URL that is none, before we ask for a key
    if config.insecure:
        if not as_worker:
            warnings.warn(_INSECURE, InsecureWarning, stacklevel=stack_level())
        return replace(config, key=INSECURE_KEY), None
    return replace(config, key=config.key or _key_of_user()), None


def _key_of_user() -> bytes:
    path = keyring.default_path(os.environ)
    if path.exists():
        return keyring.read(path)
    raise ConfigError(
        f"there is a URL, but no signing key: set {ENV_KEY} (or {ENV_KEY_FILE}, or App(key=...)) to"
        " the same secret on every client and worker; `nbtasks key add` makes one, in"
        f" {str(path)!r}, where it is found without being named"
    )
