"""What the API says of usage."""

from typing import Literal

from ninja import Schema


class PriceOut(Schema):
    name: str
    amount: float


class UsageRow(Schema):
    """`unmeasured`: answers whose energy nothing tells. `watt_hours` null: of none it is known."""

    key: str
    name: str
    answers: int
    unmeasured: int
    prompt: int
    cached: int
    written: int
    look: int
    seconds: float
    waiting: float
    watt_hours: float | None
    electricity: float | None
    hardware: float | None
    api: list[PriceOut]


class UsageOut(Schema):
    """Groups and assistants of fewer than `least_people` in a month stand under the key "others"."""

    since: str
    until: str
    currency: str
    least_people: int
    total: UsageRow
    months: list[UsageRow]
    parts: dict[Literal["group", "assistant", "model", "way", "known"], list[UsageRow]]


class OwnUsageOut(Schema):
    currency: str
    months: list[UsageRow]
