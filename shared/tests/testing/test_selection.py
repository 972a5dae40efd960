import pytest
from daybook.testing.docker import kafka_environment
from daybook.testing.servers import Source, kafka_source, mongodb_source
from daybook.testing.waiting import eventually


@pytest.mark.parametrize(
    ("environment", "source"),
    [
        ({}, Source.EMBEDDED),
        ({"DAYBOOK_TEST_DOCKER": "0"}, Source.EMBEDDED),
        ({"DAYBOOK_TEST_DOCKER": "1"}, Source.DOCKER),
        ({"KAFKA_BOOTSTRAP_SERVERS": ""}, Source.EMBEDDED),
        ({"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"}, Source.GIVEN),
        (
            {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092", "DAYBOOK_TEST_DOCKER": "1"},
            Source.GIVEN,
        ),
        ({"MONGODB_URI": "mongodb://elsewhere"}, Source.EMBEDDED),
    ],
)
def test_an_address_beats_docker_and_docker_beats_the_embedded_broker(
    environment: dict[str, str], source: Source
) -> None:
    assert kafka_source(environment) is source


def test_each_server_is_chosen_by_its_own_address() -> None:
    environment = {"MONGODB_URI": "mongodb://elsewhere", "DAYBOOK_TEST_DOCKER": "1"}

    assert mongodb_source(environment) is Source.GIVEN
    assert kafka_source(environment) is Source.DOCKER


def test_a_broker_in_a_container_names_the_address_that_clients_reach() -> None:
    environment = kafka_environment("docker.local", 5555)

    advertised = environment["KAFKA_ADVERTISED_LISTENERS"]
    assert advertised == "PLAINTEXT://docker.local:5555"


async def test_a_condition_is_asked_until_it_is_true() -> None:
    answers = iter([0, 0, 7])

    assert await eventually(lambda: next(answers), within=5, every=0) == 7


async def test_an_assertion_in_a_condition_means_not_yet() -> None:
    answers = iter([False, True])

    async def condition() -> bool:
        assert next(answers), "not yet"
        return True

    assert await eventually(condition, within=5, every=0)


async def test_a_condition_that_never_comes_true_says_what_it_answered() -> None:
    with pytest.raises(AssertionError, match=r"within 0\.01 s: it answered \[\]"):
        await eventually(list, within=0.01, every=0.001)
