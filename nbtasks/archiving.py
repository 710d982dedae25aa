"""The part of an app that has an archive: it knows what Redis has forgotten."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

from nbtasks.errors import ConfigError, UnknownTask
from nbtasks.live import LiveRecord
from nbtasks.past import Arguments
from nbtasks.reading import Reader

if TYPE_CHECKING:
    from nbtasks.archive.archive import Archive

_ONE_AT_A_TIME: Final = threading.Lock()


class Archiving(Reader):
    """Looks into the archive for what is not in Redis, where the app has one."""

    _archive: "Archive | None" = None

    def archive(self, url: str = "") -> "Archive":
        """The archive of this app: a database with its tasks, and their results past their expiry.

        From now on, results that Redis has no more are looked for there. It has to be fed:
        `nbtasks archive` does so, or `app.archive(url).start()` in a program.

        Args:
            url: As SQLAlchemy writes it: `sqlite:///runs.db`,
                `postgresql://user:password@host/name`. By default what was named before, or the
                setting `archive_url`.

        Raises:
            ConfigError: There is no URL, or it is wrong; or SQLAlchemy is not installed.
        """
        with _ONE_AT_A_TIME:
            url = url or ("" if self._archive is not None else self.config.archive_url)
            if url and (self._archive is None or self._archive.url != url):
                self._archive = _make_archive(self, self.config.name, url)
            if self._archive is None:
                raise ConfigError(
                    "there is no archive: name one, app.archive('sqlite:///runs.db'), or set"
                    " archive_url"
                )
            return self._archive

    def attach(self, rids: Sequence[str]) -> list[LiveRecord | None]:
        """Follow records by their ids; None for one that is not stored, nor in the archive."""
        found = super().attach(rids)
        archive = self._known_archive() if None in found else None
        if archive is None:
            return found
        return [
            archive.record(rid) if record is None else record
            for rid, record in zip(rids, found, strict=True)
        ]

    def bodies(self, rid: str, indices: Sequence[int], states: bytes) -> list[bytes | None]:
        """The signed values or errors of members; of the archive, where Redis has none."""
        found = super().bodies(rid, indices, states)
        archive = self._known_archive() if None in found else None
        if archive is None:
            return found
        lost = [index for index, body in zip(indices, found, strict=True) if body is None]
        kept = archive.bodies(rid, lost)
        return [
            kept.get(index) if body is None else body
            for index, body in zip(indices, found, strict=True)
        ]

    def arguments(self, record: LiveRecord, index: int) -> Arguments | None:
        """What a member is called with; of the archive, where Redis has it no more."""
        found = super().arguments(record, index)
        archive = self._known_archive() if found is None else None
        if archive is not None:
            with suppress(UnknownTask):
                return archive.arguments(record.task_id(index))
        return found

    def _known_archive(self) -> "Archive | None":
        if self._archive is None and self.config.archive_url:
            return self.archive()
        return self._archive


def _make_archive(app: Archiving, name: str, url: str) -> "Archive":
    """SQLAlchemy is loaded only by who has an archive."""
    try:
        home: Any = import_module("nbtasks.archive.archive")
    except ImportError as error:
        raise ConfigError(
            f'an archive needs a library ({error}): pip install "nbtasks[archive]"'
        ) from error
    return cast("Archive", home.Archive(app, name, url))
