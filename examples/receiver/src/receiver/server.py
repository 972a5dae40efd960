"""How it is served: with the connections in the application's hands."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from uvicorn.protocols.http.h11_impl import H11Protocol

TRANSPORT: Final = "receiver.transport"


class OpenProtocol(H11Protocol):
    """Hands each request the transport that it came by: no ASGI message resets a
    connection, or sends half a status line."""

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = transport
            try:
                await app(scope, receive, send)
            except asyncio.CancelledError:
                # The receiver stops: what was told to hang gets no 500 instead.
                transport.abort()
                await asyncio.sleep(0)  # until the protocol knows

        self.app = with_transport


def transport_of(scope: Any) -> asyncio.Transport:
    """The transport of a request that ``OpenProtocol`` serves."""
    return cast("asyncio.Transport", scope["extensions"][TRANSPORT])


def self_signed(name: str = "localhost") -> ssl.SSLContext:
    """A server's side of TLS that nobody has a reason to trust, made anew."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:  # the standard library reads files alone
        file = Path(folder, "both.pem")
        file.write_bytes(private + certificate.public_bytes(pem))
        context.load_cert_chain(file)
    return context
