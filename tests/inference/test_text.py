import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.text import TextFilter


def _run(parts: list[bytes], stops: list[str]) -> tuple[list[str], bool]:
    text = TextFilter(stops)
    shown = [text.feed(part) for part in parts]
    return [*shown, text.flush()], text.stopped


def test_a_character_split_over_tokens_comes_out_whole() -> None:
    data = "日ü".encode()
    shown, _ = _run([data[i : i + 1] for i in range(len(data))], [])
    assert "".join(shown) == "日ü"
    assert "\ufffd" not in "".join(shown)


def test_half_a_character_at_the_end_is_marked() -> None:
    assert "".join(_run(["ü".encode()[:1]], [])[0]) == "\ufffd"


def test_the_beginning_of_a_stop_string_is_held_back() -> None:
    shown, stopped = _run([b"one <|im", b"_end", b"|> two"], ["<|im_end|>"])
    assert shown == ["one ", "", "", ""]
    assert stopped


def test_what_only_looked_like_a_stop_string_is_shown() -> None:
    shown, stopped = _run([b"a <|", b"b"], ["<|im_end|>"])
    assert "".join(shown) == "a <|b"
    assert not stopped


def test_the_first_of_several_stop_strings_counts() -> None:
    assert "".join(_run([b"a END b STOP"], ["STOP", "END"])[0]) == "a "


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@given(text=st.text(alphabet="ab<>|é", max_size=40))
def test_any_cut_gives_the_same_text(size: int, text: str) -> None:
    data = text.encode()
    parts = [data[i : i + size] for i in range(0, len(data), size)]
    shown, stopped = _run(parts, ["<a|>", "bb"])
    ends = [at for at in (text.find("<a|>"), text.find("bb")) if at >= 0]
    assert "".join(shown) == (text[: min(ends)] if ends else text)
    assert stopped == bool(ends)
