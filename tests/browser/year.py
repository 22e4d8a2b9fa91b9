"""What the answers of a year took, as rows: of everybody who is there, in groups that once were."""

import random
from datetime import timedelta
from uuid import UUID, uuid5

from django.utils import timezone

from accounts.models import User
from usage.models import Answered, AnsweredGroup

_NAMES = UUID(int=7)
GROUPS = ("Everybody", "Research and development of coastal protection", "Law")
ASSISTANTS = ("", "", "Legal help", "Press texts")
ANSWERS = 400


def fill() -> None:
    chance = random.Random(7)
    people, now = list(User.objects.order_by("email")), timezone.now()
    rows = [_row(chance) for _ in range(ANSWERS)]
    for number, row in enumerate(rows):
        row.at = now - timedelta(days=400 * (number / ANSWERS) ** 1.4)
        row.user = people[number % len(people)]
    Answered.objects.bulk_create(rows)
    AnsweredGroup.objects.bulk_create(
        AnsweredGroup(answered=row, group=uuid5(_NAMES, name), name=name)
        for number, row in enumerate(rows)
        for name in GROUPS[: 1 + number % len(people) % 3]
    )


def _row(chance: random.Random) -> Answered:
    name = chance.choice(ASSISTANTS)
    written, prompt = chance.randint(20, 200), chance.randint(400, 1_500)
    known = chance.choices(["rapl", "none"], [9, 1])[0]
    seconds = prompt / 90 + written / 12
    return Answered(
        way=chance.choice(["page", "page", "page", "private", "api", "evaluation"]),
        status="complete",
        model=chance.choice(["qwen2.5-coder-1.5b-instruct", "smollm2-135m-instruct"]),
        engine="llama-cpp-python",
        assistant=uuid5(_NAMES, name) if name else None,
        assistant_name=name,
        known=known,
        generations=2,
        prompt=2 * prompt,
        cached=prompt + chance.randint(0, prompt // 2),
        written=written + 1,
        look=prompt + 1,
        seconds=seconds,
        waiting=chance.random() * 3,
        watt_hours=seconds * 38 / 3_600 if known == "rapl" else 0.0,
    )
