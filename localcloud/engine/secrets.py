"""Encryption of secrets under a passphrase, in the form of Pulumi's `passphrase` secrets provider."""

from __future__ import annotations

import base64
import getpass
import hashlib
import os
import secrets as random
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from localcloud.engine.errors import SecretsError

_ITERATIONS = 1_000_000
_CHECK = "pulumi"
_MISSING = (
    "passphrase must be set with PULUMI_CONFIG_PASSPHRASE (it may be empty) or PULUMI_CONFIG_PASSPHRASE_FILE, "
    "to read the secrets of this stack"
)


def passphrase() -> str:
    """The passphrase that the environment gives, or the user.

    Raises:
        SecretsError: it gives none.
    """
    text = os.environ.get("PULUMI_CONFIG_PASSPHRASE")
    if text is not None:
        return text
    file = os.environ.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not file:
        return _asked()
    try:
        return Path(file).read_text().strip()
    except OSError as error:
        raise SecretsError(f"PULUMI_CONFIG_PASSPHRASE_FILE: {error}") from error


@cache
def _asked() -> str:
    """The passphrase as the user types it, where there is a terminal."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise SecretsError(_MISSING)
    return getpass.getpass("Enter your passphrase to unlock config/secrets: ")


class SecretsManager:
    """Encrypts and decrypts texts with the key made of a passphrase and a salt.

    Deriving the key takes most of a second, so it runs beside whatever the engine does next; the first use waits for it.
    """

    def __init__(self, phrase: str, salt: str) -> None:
        self.salt = salt
        self._verified = False
        self._ciphertexts: dict[tuple[str, str], str] = {}
        own = _salt(salt)
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="key")
        self._key: Future[bytes] = executor.submit(derive, phrase, own)
        executor.shutdown(wait=False)

    @classmethod
    def create(cls, phrase: str) -> SecretsManager:
        """A manager with a new salt, whose tail lets a passphrase be checked."""
        salt = random.token_bytes(8)
        check = _encrypt(AESGCM(derive(phrase, salt)), _CHECK)
        return cls(phrase, f"v1:{base64.b64encode(salt).decode()}:{check}")

    def verify(self) -> None:
        """Check the passphrase against the salt.

        Raises:
            SecretsError: it is another one.
        """
        if self._verified:
            return
        try:
            known = _decrypt(AESGCM(self._key.result()), self.salt.split(":", 2)[2])
        except SecretsError:
            known = ""
        if known != _CHECK:
            raise SecretsError(
                "incorrect passphrase: PULUMI_CONFIG_PASSPHRASE is not the one that this stack's secrets were encrypted with"
            )
        self._verified = True

    def encrypt(self, text: str, context: str = "") -> str:
        """Encrypt; within one context an equal text keeps its ciphertext, so that unchanged state stays unchanged."""
        known = self._ciphertexts.get((context, text))
        if known is None:
            known = _encrypt(self._cipher(), text)
            if context:
                self._ciphertexts[context, text] = known
        return known

    def decrypt(self, ciphertext: str, context: str = "") -> str:
        text = _decrypt(self._cipher(), ciphertext)
        if context:
            self._ciphertexts[context, text] = ciphertext
        return text

    def _cipher(self) -> AESGCM:
        self.verify()
        return AESGCM(self._key.result())


def _salt(text: str) -> bytes:
    """The salt in the text that names it, which also holds the check."""
    parts = text.split(":", 2)
    if len(parts) != 3 or parts[0] != "v1":
        raise SecretsError("malformed encryption salt: it does not have the form v1:salt:check")
    try:
        return base64.b64decode(parts[1])
    except ValueError as error:
        raise SecretsError(f"malformed encryption salt: {error}") from error


def derive(phrase: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", phrase.encode(), salt, _ITERATIONS, 32)


def _encrypt(cipher: AESGCM, text: str) -> str:
    nonce = random.token_bytes(12)
    body = cipher.encrypt(nonce, text.encode(), None)
    return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(body).decode()}"


def _decrypt(cipher: AESGCM, ciphertext: str) -> str:
    parts = ciphertext.split(":")
    if len(parts) != 3 or parts[0] != "v1":
        raise SecretsError("malformed ciphertext: it does not have the form v1:nonce:text")
    try:
        nonce, body = base64.b64decode(parts[1]), base64.b64decode(parts[2])
        return cipher.decrypt(nonce, body, None).decode()
    except (InvalidTag, ValueError) as error:
        raise SecretsError("a secret cannot be decrypted: it was encrypted with another passphrase or salt") from error
