"""The source of a package, packed: what is in it, what is refused, and what is written again."""

import io
import zipfile

import pytest

from nbtasks import BadSignature, ConfigError
from nbtasks.packing import MAX_SOURCE, pack, unpack
from nbtasks.record import Header
from nbtasks.retry import NEVER


@pytest.fixture
def package(tmp_path):
    """A package with source, and with what is none."""
    folder = tmp_path / "pkg"
    (folder / "sub" / "__pycache__").mkdir(parents=True)
    (folder / ".git").mkdir()
    for name in ("__init__.py", "sub/deep.py", "sub/words.json", "big.bin", ".git/x.py"):
        (folder / name).write_text(name)
    (folder / "sub" / "__pycache__" / "deep.pyc").write_text("")
    (folder / "link.py").symlink_to("/etc/hostname")
    return folder


def test_source_is_packed_and_the_rest_is_named(package, tmp_path):
    packed = pack(package)
    unpack(packed.blob, "pkg", tmp_path / "out")

    assert packed.name == "pkg"
    assert packed.files == ["pkg/__init__.py", "pkg/sub/deep.py", "pkg/sub/words.json"]
    assert packed.left_out == ["pkg/big.bin"]
    assert (tmp_path / "out/pkg/sub/deep.py").read_text() == "sub/deep.py"


def test_the_same_files_give_the_same_bytes_and_others_do_not(package):
    before = pack(package).blob
    (package / "sub" / "deep.py").write_text("sub/deep.py")
    assert pack(package).blob == before

    (package / "sub" / "deep.py").write_text("another")
    assert pack(package).blob != before


def test_a_single_file_is_a_module(tmp_path):
    (tmp_path / "helpers.py").write_text("x = 1")

    packed = pack(tmp_path / "helpers.py")

    assert (packed.name, packed.files, packed.size) == ("helpers", ["helpers.py"], 5)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none.py", "there is no file or folder '.*none.py'"),
        ("data.csv", "cannot be imported: give a .py file, or the folder of a package"),
        ("class.py", "cannot be imported"),
        ("2.py", "cannot be imported"),
        ("json.py", "'json' is the name of a module that workers need themselves"),
        ("plain", r"is no package, for it has no __init__.py: .*\(inner, some.py\)"),
        ("empty", r"\(there is nothing\)"),
    ],
)
def test_what_cannot_be_imported_is_refused(tmp_path, path, said):
    for name in ("data.csv", "class.py", "2.py", "json.py"):
        (tmp_path / name).touch()
    (tmp_path / "plain" / "inner").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    for name in ("plain/some.py", "plain/inner/__init__.py", "plain/notes.txt"):
        (tmp_path / name).touch()

    with pytest.raises(ConfigError, match=said):
        pack(tmp_path / path)


def test_data_is_no_source(package):
    (package / "table.csv").write_bytes(b"1" * (MAX_SOURCE + 1))

    with pytest.raises(ConfigError, match=r"keep data elsewhere, such as 'pkg/table.csv'"):
        pack(package)


@pytest.mark.parametrize("file", ["../pkg.py", "pkg/../../x", "/etc/x", "other.py", "pkg/..\\x"])
def test_a_file_of_another_place_is_not_written(tmp_path, file):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(file, "x")

    with pytest.raises(BadSignature):
        unpack(buffer.getvalue(), "pkg", tmp_path / "out")
    assert not list(tmp_path.rglob("*x*"))


def test_what_is_no_archive_is_refused(tmp_path):
    with pytest.raises(BadSignature):
        unpack(b"nothing", "pkg", tmp_path)


@pytest.mark.parametrize(
    "reference", ["../x:" + "0" * 32 + "-a", "a:../../x", "a", "a:" + "g" * 40]
)
def test_a_header_with_another_reference_is_not_read(reference):
    good = Header(task="t", code="c", retry=NEVER, packages=("a:" + "0" * 32 + "-k1-e",))
    assert Header.decode(good.encode()) == good

    with pytest.raises(BadSignature):
        Header.decode(good.encode().replace(good.packages[0].encode(), reference.encode()))
