"""Writes each answer down, and says what one costs. It is put in by usage/apps.py."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from chat.answered import Cost, Finished
from chat.tally import Tally
from usage import money, words
from usage.models import Answered, AnsweredGroup
from usage.money import Rates
from usage.rates import rates

WAYS = {"page": Answered.Way.PAGE, "api": Answered.Way.API, "command": Answered.Way.COMMAND,
        "evaluation": Answered.Way.EVALUATION}  # fmt: skip


class Ledger:
    """The book of chat/answered.py, in the database."""

    @transaction.atomic
    def write(self, finished: Finished) -> None:
        """One row, with the asker's groups of this moment. Of an answer that was kept nowhere: no person,
        no group, no id by which the record would name her."""
        row = Answered(
            way=_way(finished),
            status=finished.status,
            assistant=finished.assistant,
            assistant_name=finished.assistant_name[:150],
            **_measured(finished.tally),
        )
        if finished.private:
            # The day alone: the record has the moment of each answer, with its person.
            row.at = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
            row.save()
            return
        row.answer, row.user = finished.answer, finished.user
        row.save()
        AnsweredGroup.objects.bulk_create(
            AnsweredGroup(answered=row, group=group.pk, name=group.name)
            for group in finished.user.groups.all()
        )

    def price(self, tally: Tally) -> Cost:
        stages = (tally.look, tally.text)
        prompt, cached, written = (
            sum(getattr(stage, name) for stage in stages)
            for name in ("prompt", "cached", "written")
        )
        return _cost(tally.watt_hours, str(tally.known), (prompt, cached, written), rates())

    def costs(self, answers: Sequence[UUID]) -> Mapping[UUID, Cost]:
        rows = list(Answered.objects.filter(answer__in=answers, generations__gt=0))
        its = rates() if rows else Rates()
        return {
            row.answer: _cost(
                None if row.known == Answered.Known.NONE else row.watt_hours,
                row.known,
                (row.prompt, row.cached, row.written),
                its,
            )
            for row in rows
            if row.answer
        }


def _way(finished: Finished) -> str:
    if finished.way == "page" and finished.private:
        return Answered.Way.PRIVATE
    return WAYS[finished.way]


def _measured(tally: Tally) -> dict[str, object]:
    look, text = tally.look, tally.text
    return {
        "model": tally.model[:150],
        "engine": tally.engine,
        "known": tally.known,
        "generations": tally.generations,
        "prompt": look.prompt + text.prompt,
        "cached": look.cached + text.cached,
        "written": look.written + text.written,
        "look": look.prompt + look.written,
        "seconds": look.reading + look.writing + text.reading + text.writing,
        "waiting": look.waiting + text.waiting,
        "watt_hours": tally.watt_hours or 0.0,
    }


def _cost(watt_hours: float | None, known: str, tokens: tuple[int, int, int], its: Rates) -> Cost:
    """At today's prices."""
    today = timezone.localdate()
    rate = money.on(its.electricity, today)
    listed = [(name, money.on(prices, today)) for name, prices in its.api.items()]
    cost = Cost(
        watt_hours,
        known,
        settings.CURRENCY,
        None if watt_hours is None or rate is None else watt_hours / 1_000 * rate.amount,
        tuple((name, money.listed(price, *tokens)) for name, price in listed if price),
    )
    return replace(cost, said=words.said(cost, tokens), more=words.more(cost, tokens))
