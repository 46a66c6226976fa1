"""Sealing tokens, so that none enters Kafka in the clear (design, section 5, Credentials).

The key file is shared by all workers; it is made on first use. It holds one Fernet key a line: the first seals,
all of them open, so that a key can be changed while requests sealed with the old one still wait.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import orjson
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from pipeline.delivery.errors import Auth, Permanent

__all__ = ["KeyFileError", "Sealer", "identity", "load_sealer"]

_MODE = 0o600


class KeyFileError(Permanent):
    """The key file cannot be used; the text is one line that says why and what to do. Ends the start."""


class Sealer:
    """Seals and opens `(user, token)` pairs, and other secrets as bytes.

    The sealed text of a pair is `<identity>.<fernet>`: the identity is a keyed hash, the same for the same pair under
    the same key, and reveals nothing; by it requests are grouped and copies recognised without opening anything.
    """

    def __init__(self, keys: Sequence[bytes]) -> None:
        """`keys` as Fernet wants them; the first one seals. Raises ValueError if one is no Fernet key."""
        if not keys:
            raise ValueError("no key")
        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._identity_key = hashlib.sha256(b"identity of a credential:" + keys[0]).digest()
        self._fingerprint = hashlib.sha256(keys[0]).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """16 hex digits that tell two keys apart and reveal nothing of them."""
        return self._fingerprint

    def seal(self, user: str, token: str) -> str:
        """Text that may stand in a topic."""
        pair = orjson.dumps([user, token])
        mark = hmac.new(self._identity_key, pair, hashlib.sha256).hexdigest()[:16]
        return f"{mark}.{self._fernet.encrypt(pair).decode()}"

    def open(self, text: str) -> tuple[str, str]:
        """`(user, token)` of a sealed text.

        Raises:
            Auth: it was sealed with another key, or is damaged.
        """
        try:
            user, token = orjson.loads(self.open_bytes(text.partition(".")[2].encode()))
        except (ValueError, UnicodeError):
            raise self._cannot_open() from None
        return str(user), str(token)

    def seal_bytes(self, content: bytes) -> bytes:
        """Anything else that is secret, such as a row of a table; it has no identity."""
        return self._fernet.encrypt(content)

    def open_bytes(self, sealed: bytes) -> bytes:
        """What `seal_bytes` was given.

        Raises:
            Auth: it was sealed with another key, or is damaged.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise self._cannot_open() from None

    def _cannot_open(self) -> Auth:
        return Auth(
            f"the sealed token cannot be opened with the key {self._fingerprint}: "
            "it was sealed with another key or is damaged"
        )


def identity(sealed: str) -> str:
    """The part of a sealed text that is the same each time the same pair is sealed; not secret."""
    return sealed.partition(".")[0]


def load_sealer(path: Path) -> Sealer:
    """The sealer of a key file, which is made (mode 0600, folders too) when absent.

    Raises:
        KeyFileError: it cannot be made or read, others can read it, or it holds no Fernet key.
    """
    path = path.expanduser()
    try:
        if not path.exists():
            _make(path)
        lines = _read(path).split()
    except OSError as error:
        raise KeyFileError(f"key file {path}: {error.strerror or type(error).__name__}") from None
    try:
        return Sealer(lines)
    except ValueError:
        raise KeyFileError(
            f"key file {path}: holds no Fernet key (32 bytes in URL-safe base64, one key a line); "
            "take the file of another worker, or remove it to have one made"
        ) from None


def _make(path: Path) -> None:
    """Make the file whole or not at all: of two workers that start at once one wins and both read its key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(Fernet.generate_key() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if not stat.S_ISREG(mode):
            raise KeyFileError(f"key file {path}: is no regular file")
        if mode & 0o077:
            raise KeyFileError(
                f"key file {path}: has mode {stat.S_IMODE(mode):04o}, so others may read the key; run: chmod 600 {path}"
            )
        return file.read(64 * 1024)
