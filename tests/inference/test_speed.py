from pathlib import Path

from inference.fake import FakeEngine
from inference.generations import Timing
from inference.protocol import Usage
from inference.speed import SpeedBook


def _book(folder: Path) -> SpeedBook:
    return SpeedBook(folder / "speed.json", FakeEngine(seconds=0.002), 2)


def test_real_answers_correct_the_first_measure(tmp_path: Path) -> None:
    book = _book(tmp_path)
    for _ in range(60):
        book.learn(Timing(Usage(prompt=500, cached=100, completion=41), first=8.0, rest=4.0))
    assert abs(book.speed.prompt - 50) < 1
    assert abs(book.speed.completion - 10) < 1
    assert round(_book(tmp_path).speed.prompt) == round(book.speed.prompt)


def test_a_fast_answer_counts_for_more_than_a_slow_one(tmp_path: Path) -> None:
    book = _book(tmp_path)
    for _ in range(60):
        book.learn(Timing(Usage(prompt=400, completion=41), first=8.0, rest=4.0))
    base = book.speed
    book.learn(Timing(Usage(prompt=800, completion=81), first=8.0, rest=4.0))
    up = book.speed.prompt - base.prompt
    book.learn(Timing(Usage(prompt=400, completion=41), first=8.0, rest=4.0))
    assert up > 25
    assert 0 < base.prompt + up - book.speed.prompt < up / 2


def test_what_is_held_to_be_slow_is_measured_again_at_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "speed.json").write_text('{"fake:fake:2": {"prompt": 2, "completion": 900}}')
    speed = _book(tmp_path).speed
    assert speed.prompt > 15 and speed.completion == 900


def test_short_ones_say_nothing(tmp_path: Path) -> None:
    book = _book(tmp_path)
    before = book.speed
    book.learn(Timing(Usage(prompt=500, cached=490, completion=3), first=0.1, rest=5.0))
    assert book.speed == before


def test_a_damaged_file_is_measured_anew(tmp_path: Path) -> None:
    (tmp_path / "speed.json").write_text('{"fake:fake:2": {"prompt": "x"}}')
    assert _book(tmp_path).speed.prompt > 0
