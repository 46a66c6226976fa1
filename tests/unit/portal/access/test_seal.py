"""pipeline/portal/access/seal.py: the key file and what is sealed with it."""

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from pipeline.delivery.errors import Auth
from pipeline.portal.access.seal import KeyFileError, Sealer, identity, load_sealer


def test_seals_and_opens() -> None:
    sealer = Sealer([Fernet.generate_key()])
    sealed = sealer.seal("1", "топ-secret")
    assert sealer.open(sealed) == ("1", "топ-secret")
    assert "secret" not in sealed


def test_identity_is_the_same_for_the_same_pair_only() -> None:
    sealer = Sealer([Fernet.generate_key()])
    first, again = sealer.seal("1", "abcdef"), sealer.seal("1", "abcdef")
    assert first != again
    assert identity(first) == identity(again)
    assert identity(first) != identity(sealer.seal("1", "abcdeg"))
    assert identity(sealer.seal("1", "1abc")) != identity(sealer.seal("11", "abc"))
    assert identity(first) != identity(Sealer([Fernet.generate_key()]).seal("1", "abcdef"))


def test_another_key_is_an_auth_error_that_shows_no_secret() -> None:
    sealed = Sealer([Fernet.generate_key()]).seal("1", "abcdef")
    with pytest.raises(Auth, match="another key") as raised:
        Sealer([Fernet.generate_key()]).open(sealed)
    assert sealed not in str(raised.value)


@pytest.mark.parametrize("text", ["", ".", "x", "x.y", "x.ыы", "." + "A" * 100])
def test_damaged_text_is_an_auth_error(text: str) -> None:
    with pytest.raises(Auth):
        Sealer([Fernet.generate_key()]).open(text)


def test_bytes() -> None:
    sealer = Sealer([Fernet.generate_key()])
    sealed = sealer.seal_bytes(b"\x00secret")
    assert sealer.open_bytes(sealed) == b"\x00secret"
    assert b"secret" not in sealed
    for damaged in (b"", b"x", sealed[:-2], b"\xff" * 100):
        with pytest.raises(Auth, match="another key"):
            sealer.open_bytes(damaged)
    with pytest.raises(Auth, match="another key"):
        Sealer([Fernet.generate_key()]).open_bytes(sealed)


def test_an_old_key_still_opens_and_the_new_one_seals() -> None:
    old, new = Fernet.generate_key(), Fernet.generate_key()
    both = Sealer([new, old])
    assert both.open(Sealer([old]).seal("1", "abc")) == ("1", "abc")
    assert Sealer([new]).open(both.seal("1", "abc")) == ("1", "abc")
    assert both.fingerprint == Sealer([new]).fingerprint != Sealer([old]).fingerprint


def test_fingerprint_reveals_nothing() -> None:
    key = Fernet.generate_key()
    fingerprint = Sealer([key]).fingerprint
    assert len(fingerprint) == 16
    assert fingerprint not in key.decode()


def test_key_file_is_made_private_with_its_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "seal.key"
    first = load_sealer(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert load_sealer(path).open(first.seal("1", "t")) == ("1", "t")


def test_workers_that_start_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        for turn in range(20):
            paths = [tmp_path / str(turn) / "seal.key"] * 16
            assert len({sealer.fingerprint for sealer in pool.map(load_sealer, paths)}) == 1


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "seal.key"
    load_sealer(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=rf"{mode:04o}.*chmod 600") as raised:
        load_sealer(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"MDEy" * 10, b"\xff\xfe" * 30])
def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "seal.key"
    path.touch(0o600)
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match="no Fernet key") as raised:
        load_sealer(path)
    assert "\n" not in str(raised.value)
    assert not content or repr(content)[2:-1] not in str(raised.value)


def test_a_folder_in_its_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=str(tmp_path)):
        load_sealer(tmp_path)


def test_a_place_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match=r"seal\.key"):
        load_sealer(tmp_path / "file" / "seal.key")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    load_sealer(path)
    path.chmod(0)
    with pytest.raises(KeyFileError, match="Permission denied"):
        load_sealer(path)
