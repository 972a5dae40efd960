"""What can go wrong, as the sentence that the command ends with."""

from daybook.commands.letter import Place


class Trouble(Exception):
    """The command cannot do what it was asked."""


class BrokerAway(Trouble):
    """Kafka does not answer. Check that KAFKA_BOOTSTRAP_SERVERS names it."""

    def __init__(self, words: str | None = None) -> None:
        self.words = words
        super().__init__(f"{self.__doc__}{f' It said: {words}' if words else ''}")


class NoSuchTopic(Trouble):
    """The cluster has no topic of this name."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        super().__init__(
            f"There is no topic {topic}: either nothing made it yet, or "
            "DAYBOOK_DEAD_LETTERS_TOPIC should name another."
        )


class NoSuchPlace(Trouble):
    """The topic holds no letter at this place."""

    def __init__(self, topic: str, place: Place, held: tuple[int, int] | None) -> None:
        self.place = place
        if held is None:
            holds = f"{topic} has no partition {place.partition}"
        elif held[0] == held[1]:
            holds = f"partition {place.partition} of {topic} is empty"
        else:
            first, last = Place(place.partition, held[0]), held[1] - 1
            holds = f"{topic} holds {first} to {Place(place.partition, last)} there"
        super().__init__(f"There is no letter at {place}: {holds}.")
