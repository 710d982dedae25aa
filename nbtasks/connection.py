"""What an app holds once it is connected: store, signer, events, and the embedded server if any."""

from dataclasses import dataclass, replace

from nbtasks import embedded
from nbtasks.clock import Clock
from nbtasks.config import ENV_KEY, ENV_KEY_FILE, Config
from nbtasks.errors import ConfigError
from nbtasks.events import EventStream
from nbtasks.signing import Signer
from nbtasks.store.link import Link
from nbtasks.store.store import Store


@dataclass(frozen=True, slots=True)
class Connection:
    """What an app holds once it is connected."""

    store: Store
    signer: Signer
    events: EventStream
    server: "embedded.EmbeddedServer | None"

    @classmethod
    def open(cls, config: Config, clock: Clock) -> "Connection":
        """Reach the Redis of these settings, or the embedded server where they name none.

        Raises:
            NoServer: There is no URL, and no server can be started.
            StoreUnavailable: Nobody answers at the URL.
            ConfigError: There is a URL, but no key.
        """
        config, server = resolve(config)
        store = Store(config.url, config.name, clock, config.patience_ms)
        store.connect()
        signer = Signer(config.key, config.name)
        return cls(store, signer, EventStream(store, signer), server)

    def close(self) -> None:
        """End the event thread and close the connection."""
        self.events.close()
        self.store.close()


def resolve(
    config: Config, *, as_worker: bool = False
) -> "tuple[Config, embedded.EmbeddedServer | None]":
    """The settings with URL and key filled in; starts or joins the embedded server for it.

    Raises:
        NoServer: There is no URL, and no server can be started.
        ConfigError: There is a URL, but no key.
    """
    if not config.url:
        server = embedded.join(as_worker=as_worker)
        return replace(config, url=server.url, key=config.key or server.key), server
    Link(config.url)  # says what is wrong with a URL that is none, before we ask for a key
    if not config.key:
        raise ConfigError(
            f"there is a URL, but no signing key: set {ENV_KEY} (or {ENV_KEY_FILE}, or"
            " App(key=...)) to the same secret on every client and worker, for example the output"
            " of `openssl rand -hex 32`"
        )
    return config, None
