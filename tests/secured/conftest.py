"""A Kafka with the users of the manifests, their rights and no others."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import trustme
import yaml
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest
from cryptography.hazmat.primitives import serialization
from daybook.runtime.kafka_topics import ensure_topics
from daybook_local import servers

ROOT = Path(__file__).parents[2]
USERS = ROOT / "deploy" / "k8s" / "components" / "kafka-users" / "users.yaml"
# As Kafka's protocol numbers them.
RESOURCES = {"topic": 2, "group": 3}
PATTERNS = {"literal": 3, "prefix": 4}
OPERATIONS = {
    "Read": 3,
    "Write": 4,
    "Create": 5,
    "Alter": 7,
    "Describe": 8,
    "DescribeConfigs": 10,
    "AlterConfigs": 11,
}
ALLOW = 3


@dataclass(frozen=True)
class SecuredKafka:
    """Where it is, and how each user gets in."""

    plain: str  # for the test itself, which may do everything
    secured: str
    passwords: Mapping[str, str]
    ca_file: Path

    def variables(self, user: str) -> dict[str, str]:
        """The environment of what runs as this user."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.secured,
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_MECHANISM": "SCRAM-SHA-512",
            "KAFKA_SASL_USERNAME": user,
            "KAFKA_SASL_PASSWORD": self.passwords[user],
            "KAFKA_SSL_CA_FILE": str(self.ca_file),
        }


def kafka_users() -> list[dict[str, Any]]:
    return [one for one in yaml.safe_load_all(USERS.read_text("utf-8")) if one]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kafka(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[SecuredKafka]:
    folder = tmp_path_factory.mktemp("secured")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    certificate = folder / "server.pem"
    certificate.write_bytes(_key_and_chain(authority.issue_cert("127.0.0.1")))
    names = [user["metadata"]["name"] for user in kafka_users()]
    passwords = {name: f"password-of-{name}" for name in names}
    server, secured = servers.secured_kafka_server(folder, passwords, certificate)
    try:
        await server.start()
        await ensure_topics(server.address)
        await _give_rights(server.address)
        yield SecuredKafka(
            server.address, secured.address, passwords, folder / "ca.crt"
        )
    finally:
        await server.stop()


def _key_and_chain(issued: trustme.LeafCert) -> bytes:
    """As Kafka reads it: it takes no key that is not PKCS #8."""
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return pkcs8 + b"".join(one.bytes() for one in issued.cert_chain_pems)


async def _give_rights(bootstrap: str) -> None:
    """What Strimzi's user operator does with these resources."""
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        for user in kafka_users():
            for acl in user["spec"]["authorization"]["acls"]:
                resource = acl["resource"]
                for operation in acl["operations"]:
                    answer = await admin._send_request(
                        CreateAclsRequest(
                            RESOURCES[resource["type"]],
                            resource["name"],
                            PATTERNS[resource.get("patternType", "literal")],
                            f"User:{user['metadata']['name']}",
                            "*",
                            OPERATIONS[operation],
                            ALLOW,
                        )
                    )
                    ((code, words),) = answer.creation_responses
                    assert code == 0, words
    finally:
        await admin.close()


@dataclass(frozen=True)
class Running:
    """A process of ours, and what it wrote."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8")


Spawn = Callable[[str, Mapping[str, str]], Running]


@pytest.fixture
def spawn(tmp_path: Path) -> Iterator[Spawn]:
    """Start ``python -m MODULE`` with more environment; all end with the test."""
    started: list[Running] = []

    def start(module: str, environment: Mapping[str, str]) -> Running:
        path = tmp_path / f"{module}-{len(started)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", module],
                env={**os.environ, **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        started.append(Running(process, path))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
