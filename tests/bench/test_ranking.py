"""The figures of public sets mean what docs/measuring.md says they mean."""

import math

import pytest

from bench import ranking
from bench.ranking import Span


def test_ndcg_of_the_best_order_is_one_and_of_nothing_relevant_zero() -> None:
    gains = {"a": 2.0, "b": 1.0}
    assert ranking.ndcg_at(["a", "b", "x"], gains, 10) == 1.0
    assert ranking.ndcg_at(["x", "y"], gains, 10) == 0.0
    assert ranking.ndcg_at(["a"], {}, 10) == 0.0


def test_ndcg_discounts_by_place() -> None:
    assert ranking.ndcg_at(["x", "a"], {"a": 1.0}, 10) == pytest.approx(1 / math.log2(3))
    assert ranking.ndcg_at(["x", "a"], {"a": 1.0}, 1) == 0.0


def test_ndcg_of_more_relevant_than_k_can_still_be_one() -> None:
    gains = dict.fromkeys("abcdef", 1.0)
    assert ranking.ndcg_at(list("abc"), gains, 3) == 1.0


def test_recall_is_the_share_of_what_is_relevant() -> None:
    assert ranking.recall_at(["a", "x", "b"], {"a", "b", "c"}, 3) == pytest.approx(2 / 3)
    assert ranking.recall_at(["a", "x", "b"], {"a", "b", "c"}, 2) == pytest.approx(1 / 3)
    assert ranking.recall_at(["a"], set(), 5) == 0.0


def test_rank_fusion_prefers_what_both_lists_have() -> None:
    assert ranking.fused_by_rank([["a", "b", "c"], ["c", "d"]])[0] == "c"


def test_rank_fusion_adds_one_over_k_and_the_rank() -> None:
    # a: 1/61; b: 1/62 + 1/63, which is more.
    assert ranking.fused_by_rank([["a", "b"], ["x", "y", "b"]])[:2] == ["b", "a"]


def test_rank_fusion_keeps_the_order_of_equals() -> None:
    assert ranking.fused_by_rank([["a", "b"], ["c", "d"]]) == ["a", "c", "b", "d"]


def test_documents_count_where_their_first_passage_stands() -> None:
    assert ranking.firsts(["a", "b", "a", "c", "b"]) == ["a", "b", "c"]


def test_characters_count_once_however_often_they_were_found() -> None:
    found = [Span("f", 0, 10), Span("f", 5, 15), Span("f", 0, 10)]
    assert ranking.characters(found, [Span("f", 10, 20)]) == pytest.approx((0.5, 5 / 15))


def test_characters_of_another_file_are_not_those_wanted() -> None:
    assert ranking.characters([Span("g", 0, 10)], [Span("f", 0, 10)]) == (0.0, 0.0)


def test_nothing_found_has_no_precision_and_no_recall() -> None:
    assert ranking.characters([], [Span("f", 0, 10)]) == (0.0, 0.0)


def test_characters_of_several_wanted_spans() -> None:
    wanted = [Span("f", 0, 10), Span("f", 100, 110), Span("g", 0, 20)]
    recall, precision = ranking.characters([Span("f", 0, 120)], wanted)
    assert (recall, precision) == pytest.approx((0.5, 20 / 120))


def test_a_gain_has_the_error_of_its_pairs() -> None:
    assert ranking.gain([1.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]) == pytest.approx(
        (0.5, math.sqrt(1 / 3 / 4))
    )
    assert ranking.gain([1.0], [0.0]) == (1.0, 0.0)
