"""The shop's vouchers and campaigns, in memory."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")

# The traffic makes vouchers for ever; memory has an end.
KEPT = 5_000


class NewCampaign(BaseModel):
    """What a campaign is made of."""

    name: str = Field(min_length=1, max_length=200)
    metadata: dict[str, Any] = {}


class Campaign(NewCampaign):
    """A campaign as the shop keeps it."""

    id: str


class NewVoucher(BaseModel):
    """What a voucher is made of."""

    code: str = Field(pattern=r"^[\w-]{1,64}$")
    discount: int = Field(ge=1, le=100, description="Percent off.")
    redemptions: int = Field(default=1, ge=1, description="How often it may be used.")
    campaign: str | None = None
    metadata: dict[str, Any] = {}


class Voucher(NewVoucher):
    """A voucher as the shop keeps it."""

    redeemed: int = 0


class Shelf(Generic[T]):
    """The latest ``KEPT`` things by their id."""

    def __init__(self) -> None:
        self._things: OrderedDict[str, T] = OrderedDict()

    def get(self, id: str) -> T | None:
        return self._things.get(id)

    def put(self, id: str, thing: T) -> None:
        self._things[id] = thing
        if len(self._things) > KEPT:
            self._things.popitem(last=False)

    def latest(self, count: int) -> list[T]:
        return list(reversed(self._things.values()))[:count]

    def __len__(self) -> int:
        return len(self._things)


@dataclass
class Store:
    """Everything the shop knows. It is gone when the shop closes."""

    vouchers: Shelf[Voucher] = field(default_factory=Shelf[Voucher])
    campaigns: Shelf[Campaign] = field(default_factory=Shelf[Campaign])
