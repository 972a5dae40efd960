import json
import subprocess
import sys
from urllib.parse import parse_qs, urlsplit

import pytest
from click.testing import CliRunner, Result
from daybook.runtime.clock import utc_now
from daybook.runtime.mongo import Document
from pymongo import MongoClient
from query.commands import admin
from query.keys import read_key
from query.signing import Signer

SECRET = "a secret of enough letters"


@pytest.fixture(autouse=True)
def _environment(
    monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, database_name: str
) -> None:
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("DAYBOOK_MONGODB_DATABASE", database_name)
    monkeypatch.setenv("DAYBOOK_SESSION_SECRET", SECRET)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(admin, arguments, catch_exceptions=False)


def make_key(project: str = "shop") -> dict[str, str]:
    run("project", "create", project, "--if-missing")
    made = run("key", "create", "--project", project, "--name", "ci", "--json")
    assert made.exit_code == 0, made.output
    return json.loads(made.stdout)


def test_a_project_is_created_and_listed() -> None:
    made = run("project", "create", "shop", "--name", "The shop", "--tier", "dedicated")

    listed = run("project", "list").stdout.strip().split("\t")

    assert made.exit_code == 0
    assert (listed[0], listed[1], listed[3]) == ("shop", "dedicated", "The shop")


def test_a_project_that_exists_is_an_error_unless_that_is_accepted() -> None:
    run("project", "create", "shop")

    again = run("project", "create", "shop")
    accepted = run("project", "create", "shop", "--if-missing")

    assert (again.exit_code, accepted.exit_code) == (1, 0)
    assert "exists already" in again.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("project", "create", "no spaces"),
        ("project", "create", "shop", "--tier", "gold"),
        ("sign-in-link", "--project", "shop", "--base-url", "javascript:alert(1)"),
    ],
)
def test_a_wrong_argument_is_refused_as_usage(arguments: tuple[str, ...]) -> None:
    refused = run(*arguments)

    assert refused.exit_code == 2


def test_a_key_is_shown_once_and_stored_as_a_hash(
    mongodb_uri: str, database_name: str
) -> None:
    made = make_key()

    with MongoClient[Document](mongodb_uri) as client:
        stored = client[database_name]["api_keys"].find_one({"_id": made["id"]})

    presented = read_key(made["key"])
    assert presented is not None
    assert stored is not None
    assert presented.id == made["id"]
    assert presented.secret not in repr(stored)
    assert len(stored["secret_sha256"]) == 32


def test_a_key_needs_a_project_that_exists() -> None:
    refused = run("key", "create", "--project", "nobody", "--name", "ci")

    assert refused.exit_code == 1
    assert "daybook admin project create nobody" in refused.output


def test_a_revoked_key_is_listed_as_revoked() -> None:
    made = make_key()

    revoked = run("key", "revoke", made["id"])
    unknown = run("key", "revoke", "0" * 16)

    assert (revoked.exit_code, unknown.exit_code) == (0, 1)
    listed = run("key", "list", "--project", "shop").stdout
    assert listed.split("\t")[:2] == [made["id"], "revoked"]


def test_a_sign_in_link_is_bound_to_the_newest_live_key() -> None:
    older, newer = make_key(), make_key()
    run("key", "revoke", newer["id"])

    link = run("sign-in-link", "--project", "shop", "--base-url", "http://h:1/").stdout

    address = urlsplit(link.strip())
    token = parse_qs(address.query)["token"][0]
    assert (address.netloc, address.path) == ("h:1", "/sign-in")
    assert Signer(SECRET, utc_now).read("sign-in-link", token) == {
        "k": older["id"],
        "p": "shop",
    }


def test_a_sign_in_link_needs_the_services_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_key()
    monkeypatch.delenv("DAYBOOK_SESSION_SECRET")

    refused = run("sign-in-link", "--project", "shop", "--base-url", "http://h:1")

    assert refused.exit_code == 2
    assert "DAYBOOK_SESSION_SECRET" in refused.output


def test_a_database_that_is_away_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Its own process: the driver drops a half-open socket when it is closed then,
    # and the warning about it would be some other test's failure.
    monkeypatch.setenv(
        "MONGODB_URI", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50"
    )
    program = "from query.commands import admin; admin(['project', 'list'])"

    failed = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )

    assert failed.returncode == 1
    assert "MongoDB does not answer" in failed.stderr
    assert "Traceback" not in failed.stderr
