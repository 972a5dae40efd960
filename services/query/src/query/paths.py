"""Ids in paths: a stranger wrote them, and any character may be in one."""

from starlette.convertors import Convertor, register_url_convertor


class IdConvertor(Convertor[str]):
    """What is left of a path, as it is; Starlette's ``path`` ends at a line break."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


def know_ids() -> None:
    """Let routes that are made from now on say ``{name:id}``."""
    register_url_convertor("id", IdConvertor())
