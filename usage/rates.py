"""The prices that administrators keep, as plain numbers."""

from collections import defaultdict

from usage.models import Price
from usage.money import Bought, Rate, Rates


def rates() -> Rates:
    """All of them, each list by day."""
    api: dict[str, list[Rate]] = defaultdict(list)
    electricity, hardware = [], []
    for price in Price.objects.order_by("since", "name"):
        match price.kind:
            case Price.Kind.ELECTRICITY:
                electricity.append(Rate(price.since, float(price.amount)))
            case Price.Kind.HARDWARE:
                hardware.append(Bought(price.since, float(price.amount), price.months or 1))
            case _:
                api[price.name].append(_listed(price))
    return Rates(electricity, dict(sorted(api.items())), hardware)


def _listed(price: Price) -> Rate:
    cached = None if price.cached is None else float(price.cached)
    return Rate(price.since, float(price.amount), cached, float(price.written or 0))
