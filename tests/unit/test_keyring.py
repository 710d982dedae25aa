"""The key file: private, made on first use, and changed without ever losing what still counts."""

import stat

import pytest
from click.testing import CliRunner

from nbtasks.cli import commands
from nbtasks.config import from_environment
from nbtasks.errors import ConfigError
from nbtasks.keyring import KeyFile, default_path, join, key_id, read, split

TEXT = "a key of the tests, as text"


@pytest.fixture
def path(tmp_path, monkeypatch):
    """Where the key file of this test is to be; nothing is there yet."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv("NBTASKS_KEY_FILE", raising=False)
    monkeypatch.delenv("NBTASKS_KEY", raising=False)
    return tmp_path / "nbtasks" / "key"


def key(*args, **options):
    return CliRunner().invoke(commands, ["key", *args], **options)


def ids(path):
    return [key_id(each) for each in KeyFile.open(path).keys]


@pytest.mark.parametrize(
    ("text", "ring"),
    [
        (b"one key with spaces", (b"one key with spaces",)),
        (b"# a comment\n first \n\nsecond\n", (b"first", b"second")),
        (b"\xff\nrandom\n", (b"\xff\nrandom\n",)),
        (b"\x01\nrandom", (b"\x01\nrandom",)),
        (b"", ()),
    ],
    ids=repr,
)
def test_a_ring_has_one_key_a_line_and_random_bytes_are_one_key(text, ring):
    assert split(text) == ring


@pytest.mark.parametrize("second", ["# no", " no", "no\nno", "", b"\xff"], ids=repr)
def test_a_key_that_would_not_come_back_from_a_ring_is_refused(second):
    assert split(join(["first", b"second"])) == (b"first", b"second")
    with pytest.raises(ConfigError, match="a key of several must be one line of text"):
        join(["first", second])


def test_the_file_is_made_for_its_owner_alone_when_first_needed(path):
    shown = key("show")

    assert shown.exit_code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert shown.output == f"{path}\n{ids(path)[0]}  signs\n"


def test_a_secret_is_shown_only_where_it_is_asked_for(path):
    KeyFile.open(path).rotate().save()
    secrets = [each.decode() for each in KeyFile.open(path).keys]
    for command in (["show"], ["add"], ["rotate"], ["drop", key_id(secrets[1].encode())]):
        assert not any(secret in key(*command).output for secret in secrets)
    assert secrets[0] in key("show", "--secret").output
    assert secrets[0] not in repr(KeyFile.open(path))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666], ids=oct)
def test_a_file_that_others_may_touch_is_refused(path, mode, monkeypatch):
    key("show")
    path.chmod(mode)
    message = f"may be read by others than its owner .mode {mode:04o}.*run `chmod 600 {path}`"
    with pytest.raises(ConfigError, match=message):
        read(path)
    assert "may be read by others" in key("add").output
    monkeypatch.setenv("NBTASKS_KEY_FILE", str(path))
    with pytest.raises(ConfigError, match=r"\(NBTASKS_KEY_FILE\) may be read by others"):
        from_environment()


def test_an_added_key_is_accepted_and_does_not_sign(path):
    key("show")
    (first,) = ids(path)
    said = key("add").output

    assert ids(path)[0] == first
    added = ids(path)[1]
    assert said.startswith(f"{added} is accepted.")
    assert key("rotate", added).exit_code == 0
    assert ids(path) == [added, first]


def test_the_first_key_of_a_new_file_signs_at_once(path):
    assert " signs: it is the first key of" in key("add").output
    assert len(ids(path)) == 1


def test_a_key_of_another_machine_can_be_added(path):
    key("show")
    assert key("add", "--stdin", input=f"{TEXT}\n").exit_code == 0
    assert KeyFile.open(path).keys[1] == TEXT.encode()
    assert "is in" in key("add", "--stdin", input=f"{TEXT}\n").output
    for wrong in ("short", "", "# not a key, but long enough"):
        assert "this is not a key" in key("add", "--stdin", input=wrong).output


def test_rotating_puts_a_new_key_first_and_keeps_comments_in_their_place(path):
    path.parent.mkdir()
    path.write_text(f"# ours\n{TEXT}\n# theirs\n{TEXT * 2}\n")
    path.chmod(0o600)

    assert key("rotate").exit_code == 0

    new = KeyFile.open(path).keys[0].decode()
    assert path.read_text() == f"# ours\n{new}\n{TEXT}\n# theirs\n{TEXT * 2}\n"


def test_a_dropped_key_is_gone_and_the_one_that_signs_cannot_be_dropped(path):
    key("show")
    key("rotate")
    signs, old = ids(path)
    assert f"key {signs} signs, so it cannot be dropped" in key("drop", signs).output
    assert key("drop", old).exit_code == 0
    assert ids(path) == [signs]
    assert f"there is no key '{old}' in '{path}': there are {signs}" in key("drop", old).output


def test_an_empty_file_and_an_unreadable_one_are_named(path):
    path.mkdir(parents=True)
    assert f"key file '{path}' cannot be read: Is a directory" in key("show").output
    path.rmdir()
    path.write_text("# nothing\n")
    path.chmod(0o600)
    assert "holds no key" in key("show").output


def test_the_command_says_that_the_environment_wins(path, monkeypatch):
    monkeypatch.setenv("NBTASKS_KEY", TEXT)
    assert "NBTASKS_KEY is set here, and wins over the file" in key("show").output
    assert path.exists()


def test_a_named_file_is_the_one_that_is_changed(path, monkeypatch, tmp_path):
    named = tmp_path / "named"
    monkeypatch.setenv("NBTASKS_KEY_FILE", str(named))
    assert key("add").exit_code == 0
    assert named.exists()
    assert not path.exists()


@pytest.mark.parametrize("folder", ["", "not/absolute"])
def test_the_file_is_in_the_configuration_folder_of_the_user(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    found = default_path({"XDG_CONFIG_HOME": folder})
    assert found == tmp_path / ".config" / "nbtasks" / "key"
