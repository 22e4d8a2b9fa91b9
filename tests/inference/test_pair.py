"""Two embedders as one: what is kept of a passage, and what the question's language decides."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from inference import catalogue, choose
from inference.errors import ModelError
from inference.pair import PairEncoder, Shares
from inference.protocol import Vectors
from inference.registry import Registry

GERMAN = "Wie viele Tage Urlaub habe ich im ersten Jahr?"
ENGLISH = "How many days of leave do I have in my first year?"


class Fixed:
    """The same vector for each text."""

    max_tokens = 7

    def __init__(self, name: str, *vector: float) -> None:
        self.name, self.dimension = name, len(vector)
        self._vector = np.array(vector, np.float32)

    def count(self, text: str) -> int:
        return len(text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return np.tile(self._vector, (len(texts), 1))

    embed_passages = embed_queries


@pytest.fixture
def pair() -> PairEncoder:
    return PairEncoder("both", Fixed("one", 0.6, 0.8), Fixed("two", 1.0, 0.0, 0.0))


def test_of_a_passage_both_vectors_are_kept_alike(pair: PairEncoder) -> None:
    (vector,) = pair.embed_passages(["text"])
    np.testing.assert_allclose(vector, np.array([0.6, 0.8, 1, 0, 0]) / np.sqrt(2), rtol=1e-6)
    assert (pair.name, pair.dimension, pair.max_tokens, pair.count("abc")) == ("both", 5, 7, 3)


@pytest.mark.parametrize(
    ("question", "share"),
    [
        (ENGLISH, 0.2),
        ("Travel?", 0.2),
        (GERMAN, 0.05),
        ("有給休暇は何日ありますか", 0),
        ("Сколько дней отпуска у меня в первый год?", 0),
        ("", 0.2),
    ],
)
def test_the_language_of_the_question_decides(
    pair: PairEncoder, question: str, share: float
) -> None:
    assert Shares().of(question) == share
    (vector,) = pair.embed_queries([question])
    assert np.linalg.norm(vector[2:]) / np.linalg.norm(vector[:2]) == pytest.approx(
        share / (1 - share)
    )
    assert np.linalg.norm(vector) == pytest.approx(1)


def test_each_of_several_questions_has_its_own_share(pair: PairEncoder) -> None:
    english, german = pair.embed_queries([ENGLISH, GERMAN])
    assert english[2] > 3 * german[2] > 0


def test_order_is_that_of_the_weighted_mean_of_both_cosines() -> None:
    random = np.random.default_rng(7)
    passages = (
        [_unit(random.normal(size=8)) for _ in range(30)],
        [_unit(random.normal(size=5)) for _ in range(30)],
    )
    question = _unit(random.normal(size=8)), _unit(random.normal(size=5))
    encoder = PairEncoder("both", Fixed("a", *question[0]), Fixed("b", *question[1]))
    kept = np.stack(
        [
            PairEncoder("both", Fixed("a", *a), Fixed("b", *b)).embed_passages([""])[0]
            for a, b in zip(*passages, strict=True)
        ]
    )
    found = kept @ encoder.embed_queries([ENGLISH])[0]
    wanted = 0.8 * np.stack(passages[0]) @ question[0] + 0.2 * np.stack(passages[1]) @ question[1]
    assert np.argsort(found).tolist() == np.argsort(wanted).tolist()


def test_no_texts_make_no_vectors(pair: PairEncoder) -> None:
    assert pair.embed_queries([]).shape == (0, 5)
    assert pair.embed_passages([]).shape == (0, 5)


def test_a_pair_is_there_when_its_members_are(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    pair = registry.get("e5-small-minilm")
    assert pair.members == ("multilingual-e5-small", "all-minilm-l6-v2")
    assert not pair.installed
    with pytest.raises(ModelError, match="fetch multilingual-e5-small") as caught:
        registry.verify(pair)
    assert caught.value.code == "model-missing"
    for name in pair.files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"other")
    assert pair.installed
    assert "e5-small-minilm" not in {model.name for model in registry.here()}
    assert {"multilingual-e5-small", "all-minilm-l6-v2"} <= {m.name for m in registry.here()}
    with pytest.raises(ModelError) as caught:
        registry.verify(pair)
    assert caught.value.code == "model-changed"


def test_what_is_fetched_for_a_pair() -> None:
    assert [each.name for each in catalogue.parts_of("e5-small-minilm")] == [
        "multilingual-e5-small",
        "all-minilm-l6-v2",
    ]
    assert [each.name for each in catalogue.parts_of("all-minilm-l6-v2")] == ["all-minilm-l6-v2"]
    assert catalogue.parts_of("unknown") == []


@pytest.mark.live
@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_the_real_pair() -> None:
    registry = Registry(settings.MODELS_DIR)
    try:
        registry.verify(registry.get("e5-small-minilm"))
    except ModelError as error:
        pytest.skip(f"NOT TESTED: {error.detail}")
    encoder = choose.load_encoder("e5-small-minilm")
    texts = ["Leave is thirty days a year.", "The canteen opens at noon."]
    passages = encoder.embed_passages(texts)
    assert passages.shape == (2, 768)
    for question in (ENGLISH, GERMAN):
        first, second = passages @ encoder.embed_queries([question])[0]
        assert first > second
    (known,) = (info for info in choose.known_embedders() if info.name == "e5-small-minilm")
    assert (known.dimension, known.state) == (768, "available")


def _unit(vector: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vector / np.linalg.norm(vector)
    return unit
