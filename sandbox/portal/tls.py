"""HTTPS with a certificate of a test authority, made anew at each start by trustme."""

import ssl
from collections.abc import Iterable
from pathlib import Path


class TlsUnavailable(Exception):
    """HTTPS was asked for, and trustme is not installed."""


NAMES = ("localhost", "127.0.0.1", "::1")


def server_context(names: Iterable[str] = (), ca_file: Path | None = None) -> ssl.SSLContext:
    """A context for these host names and the loopback's; the authority's certificate (PEM) goes to `ca_file`.

    Raises `TlsUnavailable` without trustme and OSError when the file cannot be written.
    """
    try:
        import trustme
    except ImportError as error:
        raise TlsUnavailable("--tls needs trustme: pip install trustme") from error
    authority = trustme.CA(organization_name="sandbox portal")
    certificate = authority.issue_cert(*dict.fromkeys([*names, *NAMES]))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if ca_file is not None:
        authority.cert_pem.write_to_path(str(ca_file))
    return context
