"""One connection to Redis: commands out, raw replies in, errors in our words.

redis-py's own retries are off: it repeats writes that may have been carried out. What may be
repeated is known one floor up, in `Store`.
"""

import re
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, NoScriptError
from redis.retry import Retry

from nbtasks.errors import ConfigError, StoreFull, StoreRefused, StoreUnavailable
from nbtasks.store.scripts import SCRIPTS

CONNECT_TIMEOUT: Final = 3.0
REPLY_TIMEOUT: Final = 10.0

_LOGIN = (AuthenticationError, AuthorizationError)
_GONE = (redis.ConnectionError, redis.TimeoutError, OSError)
_PASSWORD_OPTION = re.compile(r"([?&]password=)[^&]*", re.IGNORECASE)
_BUSY = ("LOADING", "BUSY", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "TRYAGAIN")
_FULL = "command not allowed when used memory"
"""Somewhere in the text: redis-py cuts Redis' OOM off, and Redis 6 puts other words before it."""


def hide_password(url: str) -> str:
    """The URL as it may be shown."""
    url = _PASSWORD_OPTION.sub(r"\1***", url)
    head, at, tail = url.rpartition("@")
    scheme, slashes, login = head.partition("://")
    if not at or login.startswith("/"):  # the path of a socket may hold an @
        return url
    if not slashes:
        return f"***@{tail}"
    user = login.partition(":")[0]
    return f"{scheme}://{user}:***@{tail}"


class Link:
    """A connection that opens itself when first used, and closes itself on any trouble.

    Args:
        url: Where Redis is.
        waiting: Entered while a call may block: for as long as ten seconds where Redis is silent.
    """

    def __init__(self, url: str, waiting: AbstractContextManager[None] | None = None) -> None:
        self.url = hide_password(url)
        self._waiting = nullcontext() if waiting is None else waiting
        try:
            pool = redis.ConnectionPool.from_url(
                url,
                protocol=2,
                retry=Retry(NoBackoff(), 0),
                socket_timeout=REPLY_TIMEOUT,
                socket_connect_timeout=CONNECT_TIMEOUT,
                socket_read_size=262_144,
            )
            made: Any = pool.make_connection()
        except (ValueError, TypeError):
            made = None
        if made is None:
            # Out here, for the parser's own words, which may hold a piece of the password, are not
            # to be the error's context either.
            raise ConfigError(
                f"{self.url!r} is not the URL of a Redis: write redis://host:6379/0,"
                " rediss://host:6380/0 for TLS or unix:///path/to/socket"
            )
        self._connection: Any = made

    @property
    def is_open(self) -> bool:
        """Whether the socket is there."""
        return bool(self._connection.is_connected)

    def fileno(self) -> int:
        """The socket's number, for a selector; only while open."""
        return int(self._connection._sock.fileno())  # noqa: SLF001 - redis-py has no public way

    def open(self) -> None:
        """Connect, log in and load the scripts.

        Raises:
            StoreUnavailable: Nobody answers there.
            StoreRefused: Redis does not let us in.
        """
        self.call("PING")
        for script in SCRIPTS.values():
            self.send("SCRIPT", "LOAD", script.text)
        for _ in SCRIPTS:
            try:
                self.read()
            except StoreRefused as error:
                if "no permissions" not in error.args[1]:
                    raise
                # Who may only read goes without: a script that is called says so itself.

    def close(self) -> None:
        """Close the socket; the next command opens it again."""
        self._connection.disconnect()

    def abort(self) -> None:
        """End a read that another thread is blocked in; to that thread the connection is lost."""
        sock = self._connection._sock  # noqa: SLF001 - redis-py has no public way
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def send(self, *command: object) -> None:
        """Send a command; its reply is to be `read`."""
        self._write(self._connection.send_command, *command)

    def send_all(self, commands: Sequence[tuple[object, ...]]) -> None:
        """Send commands in one go; a reply to each is to be `read`."""
        self._write(self._connection.send_packed_command, self._connection.pack_commands(commands))

    def _write(self, send: Callable[..., None], *what: object) -> None:
        try:
            with self._waiting:
                send(*what, check_health=False)
        except redis.DataError as error:
            raise ConfigError(str(error)) from error
        except _LOGIN as error:
            self.close()
            raise StoreRefused(self.url, str(error)) from error
        except _GONE as error:
            raise self._gone(error) from error
        except redis.RedisError as error:
            raise StoreRefused(self.url, str(error)) from error

    def read(self, timeout: float = REPLY_TIMEOUT) -> Any:
        """The reply to the oldest command that has none: bytes, int, None or lists of them."""
        try:
            with self._waiting:
                return self._connection.read_response(disable_decoding=True, timeout=timeout)
        except NoScriptError as error:
            # Flushed: a new connection loads the scripts again.
            raise self._gone(error) from error
        except _LOGIN as error:
            self.close()
            raise StoreRefused(self.url, str(error)) from error
        except redis.ResponseError as error:
            text = str(error)
            if text.startswith(_BUSY) or getattr(error, "status_code", "") in _BUSY:
                raise StoreUnavailable(self.url, text) from error
            if _FULL in text:
                raise StoreFull(self.url, text) from error
            raise StoreRefused(self.url, text) from error
        except _GONE as error:
            raise self._gone(error) from error
        except redis.RedisError as error:
            raise StoreRefused(self.url, str(error)) from error

    def call(self, *command: object) -> Any:
        """Send a command and read its reply."""
        self.send(*command)
        return self.read()

    def send_script(self, name: str, prefix: str, *args: object) -> None:
        """Send a script call; its reply is to be `read`."""
        self.send(*script_call(name, prefix, *args))

    def call_script(self, name: str, prefix: str, *args: object) -> Any:
        """Run a script."""
        self.send_script(name, prefix, *args)
        return self.read()

    def _gone(self, error: Exception) -> StoreUnavailable:
        self.close()
        return StoreUnavailable(self.url, str(error) or type(error).__name__)


def script_call(name: str, prefix: str, *args: object) -> tuple[object, ...]:
    """The command that runs a script."""
    return "EVALSHA", SCRIPTS[name].sha, 1, prefix, *args
