"""TLS of the portal: its certificate and key, read by the user that serves."""

from __future__ import annotations

import logging
import ssl
from pathlib import Path

from radius_mfa.errors import ConfigurationError

log = logging.getLogger(__name__)

_OTHERS = 0o007


class Certificate:
    """A certificate and its key in files. Raises ConfigurationError where they cannot be used.

    `context` presents them: TLS 1.2 and newer, with what Python holds for good.
    """

    def __init__(self, certificate: Path, key: Path) -> None:
        self.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.context.options |= ssl.OP_NO_RENEGOTIATION
        self._files = certificate, key
        self._read()

    def renew(self) -> None:
        """Read the files again: the next handshake presents what is in them, or the old ones if they cannot be used."""
        try:
            self._read()
        except ConfigurationError as error:
            log.error("portal: the old certificate stays: %s; hint: %s", error.message, error.hint)
        else:
            log.info("portal: certificate and key are read again")

    def _read(self) -> None:
        certificate, key = self._files
        _readable("portal.certificate", certificate)
        if _readable("portal.key", key) & _OTHERS:
            raise ConfigurationError(f"portal.key: {key} lets everybody on this host at the key", f"chmod o= {key}")
        for one in (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), self.context):  # what fails half way is half taken
            _load(one, certificate, key)


def _load(into: ssl.SSLContext, certificate: Path, key: Path) -> None:
    try:
        into.load_cert_chain(certificate, key, password=lambda: "")  # else OpenSSL asks on the terminal
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            hint = "name the key that the certificate was made for"
            raise ConfigurationError(f"portal.key: {key} does not fit the certificate {certificate}", hint) from None
        hint = "both are PEM: the chain with your own certificate first, and its key without a passphrase"
        raise ConfigurationError(f"{certificate} and {key} are not a certificate and its key", hint) from None


def _readable(setting: str, file: Path) -> int:
    """The mode of a file that this user can read."""
    try:
        with file.open("rb") as opened:
            opened.read(1)
        return file.stat().st_mode
    except FileNotFoundError:
        hint = "without both the portal speaks plain HTTP, for a proxy on this host"
        raise ConfigurationError(f"{setting}: there is no {file}", hint) from None
    except OSError as error:
        hint = f"the user that serves has to be able to read it: chgrp radius-mfa {file}; chmod 640 {file}"
        raise ConfigurationError(f"{setting}: cannot read {file}: {error.strerror}", hint) from None
