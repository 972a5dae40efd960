"""``daybook admin project move``: the project, and the commands for what is stored."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pymongo import MongoClient
from query.commands import admin


@pytest.fixture(autouse=True)
def _environment(
    monkeypatch: pytest.MonkeyPatch, mongodb_uri: str, database_name: str
) -> None:
    monkeypatch.setenv("MONGODB_URI", mongodb_uri)
    monkeypatch.setenv("DAYBOOK_MONGODB_DATABASE", database_name)


@pytest.fixture
def database(mongodb_uri: str, database_name: str) -> Iterator[Any]:
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        yield client[database_name]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(admin, ["project", *arguments], catch_exceptions=False)


def test_the_project_has_the_new_tier_and_both_services_are_told(database: Any) -> None:
    run("create", "shop")

    moved = run("move", "shop", "--tier", "dedicated")

    assert moved.exit_code == 0, moved.output
    assert database["projects"].find_one({"_id": "shop"})["tier"] == "dedicated"
    told = {
        (one["service"], one["kind"], one["parameters"]["tier"], one["status"])
        for one in database["commands"].find()
    }
    assert told == {
        ("ingest", "events.move_tier", "dedicated", "ACCEPTED"),
        ("webhook-dispatcher", "sendouts.move_tier", "dedicated", "ACCEPTED"),
    }
    for one in database["commands"].find():
        assert f"{one['service']}: {one['id']}" in moved.output


def test_a_later_move_ends_the_former(database: Any) -> None:
    run("create", "shop")
    run("move", "shop", "--tier", "dedicated")
    former = {one["_id"] for one in database["commands"].find()}

    run("move", "shop", "--tier", "shared")

    for one in database["commands"].find():
        if one["_id"] in former:
            assert one["status"] == "FAILED"
            assert "moved again" in one["message"]
        else:
            assert one["status"] == "ACCEPTED"
    assert database["commands"].count_documents({"status": "ACCEPTED"}) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("move", "none", "--tier", "dedicated"), 1, "daybook admin project create"),
        (("move", "shop", "--tier", "gold"), 2, "DAYBOOK_TIERS has shared, dedicated"),
        (("move", "shop"), 2, "Missing option '--tier'"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_changes(
    database: Any, arguments: tuple[str, ...], code: int, said: str
) -> None:
    run("create", "shop")

    refused = run(*arguments)

    assert refused.exit_code == code
    assert said in refused.output
    assert database["projects"].find_one({"_id": "shop"})["tier"] == "shared"
    assert database["commands"].count_documents({}) == 0


@pytest.mark.parametrize(("status", "code"), [("DONE", 0), ("FAILED", 1)])
def test_with_wait_it_returns_when_both_have_ended_and_says_how(
    database: Any, mongodb_uri: str, status: str, code: int
) -> None:
    run("create", "shop")

    def services() -> None:
        with (
            MongoClient[dict[str, Any]](mongodb_uri) as client,
            client[database.name]["commands"].watch() as changes,
        ):
            begun.set()
            for number, change in enumerate(changes, 1):
                client[database.name]["commands"].update_one(
                    {"_id": change["documentKey"]["_id"]},
                    {"$set": {"status": status, "message": f"said {number}"}},
                )
                if number == 2:
                    return

    begun = threading.Event()
    ending = threading.Thread(target=services)
    ending.start()
    begun.wait(10)
    moved = run("move", "shop", "--tier", "dedicated", "--wait")
    ending.join(10)

    assert moved.exit_code == code
    assert "said 1" in moved.output
    assert "said 2" in moved.output
