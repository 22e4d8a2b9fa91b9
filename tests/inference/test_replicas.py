"""Several OpenAI-compatible servers over real sockets: which is asked, and what is done when one fails."""

import math
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from typing import Any

import pytest

from inference.asking import Limits
from inference.chunks import well_formed
from inference.errors import ModelError
from inference.protocol import ChatMessage, ModelsUnavailable, Piece, Sampling
from inference.remote import FIRST_LOOK_SECONDS, RemoteEngine, Servers, _replica, connect
from inference.replica import Facts, Replica
from tests.inference.openai_server import WORDS, OpenAIServer, serving
from tests.inference.parts import wait_for
from tests.live import free_port

ASK = [ChatMessage("user", "When does the <|im_start|>canteen open?")]
ANSWER = "".join(WORDS)
HASTY = Limits(first=2.0, silence=2.0)


@pytest.fixture
def held() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def two(held: ExitStack) -> tuple[OpenAIServer, OpenAIServer]:
    first, second = (held.enter_context(serving(OpenAIServer())) for _ in range(2))
    first.elsewhere = second.url
    return first, second


def _engine(held: ExitStack, *servers: OpenAIServer, **options: Any) -> RemoteEngine:
    about = Servers([server.url for server in servers], **{"limits": Limits(), **options})
    return held.enter_context(closing(connect(about, model="m", context=4096)))


def _text(engine: RemoteEngine) -> str:
    return "".join(piece.text for piece in engine.chat(ASK, Sampling()))


def _code(engine: RemoteEngine) -> ModelsUnavailable:
    with pytest.raises(ModelsUnavailable) as caught:
        _text(engine)
    return caught.value


def _states(engine: RemoteEngine) -> list[object]:
    return [each["state"] for each in engine.replicas.describe()]


@pytest.fixture(autouse=True)
def _no_look_comes_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are there are looked at once: on a busy machine a test may go on for ten seconds."""
    monkeypatch.setattr("inference.replica.LOOK_SECONDS", 3_600.0)


def _hurry(engine: RemoteEngine, number: int) -> None:
    """Have that one alone answer soon: the other may be as slow as a busy machine is."""
    engine.replicas._watched[number].asking._limits = HASTY


def _prefer(engine: RemoteEngine, number: int) -> None:
    """Have that one asked next: the other was asked just now."""
    for place, replica in enumerate(engine.replicas.replicas):
        replica.asked = 0.0 if place == number else time.monotonic()


# --- what is asked --------------------------------------------------------------------------------
def test_answers_are_shared_out_and_what_was_said_is_made_harmless(
    held: ExitStack, two: tuple[OpenAIServer, OpenAIServer]
) -> None:
    engine = _engine(held, *two)
    assert [_text(engine) for _ in range(6)] == [ANSWER] * 6
    assert [len(server.asked) for server in two] == [3, 3]
    assert "<|im_start|>" not in str(two[0].asked)
    pieces = list(engine.chat(ASK, Sampling()))
    assert pieces[-1].finish == "stop" and pieces[-1].usage
    assert (pieces[-1].usage.prompt, pieces[-1].usage.completion) == (7, 5)
    assert engine.info.context == 2048


def test_the_less_loaded_one_is_asked(held: ExitStack) -> None:
    full = OpenAIServer(kind="vllm")
    full.busy = 20
    idle = OpenAIServer(kind="llama-server")
    engine = _engine(held, *(held.enter_context(serving(each)) for each in (full, idle)))
    told = engine.replicas.describe()
    assert [(each["version"], each["others"], each["seats"]) for each in told] == [
        ("0.11.0", 21, 4),
        ("b6500-abc", 0, 3),
    ]
    assert engine.info.context == 1024 or engine.info.context == 2048
    assert [_text(engine) for _ in range(4)] == [ANSWER] * 4
    assert (len(full.asked), len(idle.asked)) == (0, 4)


def test_each_tells_how_soon_it_answers_and_what_went_wrong_last(
    held: ExitStack, two: tuple[OpenAIServer, OpenAIServer]
) -> None:
    engine, began = _engine(held, *two), time.monotonic()
    two[1].fault = "500"
    for number in (0, 1):
        _prefer(engine, number)
        assert _text(engine) == ANSWER
    good, bad = engine.replicas.describe()
    assert good["error"] == "" and good["error_ago"] is None
    most = math.ceil(time.monotonic() - began)
    assert 0 < float(str(good["first_seconds"])) <= most
    assert 0 < float(str(good["look_seconds"])) <= FIRST_LOOK_SECONDS
    assert bad["error"] == "models-failed" and bad["state"] == "ready"
    assert bad["first_seconds"] == 0 and 0 <= int(str(bad["error_ago"])) <= most
    two[0].fault, two[1].fault = "500", ""
    assert _text(engine) == ANSWER
    told = engine.replicas.describe()[1]
    assert told["first_seconds"] and told["error"] == "models-failed", "it happened"


def test_own_answers_count_as_load(held: ExitStack, two: tuple[OpenAIServer, OpenAIServer]) -> None:
    engine = _engine(held, *two)
    two[0].pause = two[1].pause = 0.2
    threads = [threading.Thread(target=_text, args=(engine,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(server.asked) for server in two] == [3, 3]
    assert [each["running"] for each in engine.replicas.describe()] == [0, 0]


def test_a_model_is_asked_for_where_it_is(held: ExitStack) -> None:
    general = held.enter_context(serving(OpenAIServer(models=("m", "shared"))))
    legal = held.enter_context(serving(OpenAIServer(models=("legal", "shared"))))
    engine = _engine(held, general, legal)
    assert [info.name for info in engine.models()] == ["m", "shared", "legal"]
    assert [_text(engine.named("legal")) for _ in range(3)] == [ANSWER] * 3
    assert [len(general.asked), len(legal.asked)] == [0, 3]
    assert legal.asked[0]["model"] == "legal"
    for _ in range(4):
        _text(engine.named("shared"))
    assert [len(general.asked), len(legal.asked)] == [2, 5]
    assert _code(engine.named("nobody-has-it")).code == "model-unknown"


@pytest.mark.parametrize("host", ["GPU-1:8000", "gpu-1:8000"])
def test_a_key_is_its_hosts_in_capitals_too(host: str) -> None:
    servers = Servers([], ["gpu-1"], key="common-key", keys={host.swapcase(): "its-key"})
    assert _replica(f"http://{host}/v1", servers).key == "its-key"


@pytest.mark.parametrize("count", [-1, 10**30])
def test_counts_that_no_answer_takes_are_of_no_form(count: int) -> None:
    assert not well_formed({"choices": [], "usage": {"completion_tokens": count}})
    assert well_formed({"choices": [], "usage": {"completion_tokens": 12}})


def test_each_gets_its_own_key_and_no_other(
    held: ExitStack, two: tuple[OpenAIServer, OpenAIServer]
) -> None:
    two[0].key, two[1].key = "first-key", "common-key"
    keys = {two[0].url.removeprefix("http://"): "first-key"}
    engine = _engine(held, *two, key="common-key", keys=keys)
    assert _states(engine) == ["ready", "ready"]
    assert "first-key" not in repr(engine.replicas.replicas)
    assert "key" not in str(engine.replicas.describe())


# --- what goes wrong before the first token -------------------------------------------------------
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("500", "models-failed"),
        ("429", "replica-busy"),
        ("404", "models-refused"),
        ("401", "replica-key"),
        ("silent", "models-silent"),
        ("type", "models-odd"),
        ("garbage", "models-odd"),
        ("form", "models-odd"),
        ("usage", "models-odd"),
        ("huge", "models-odd"),
        ("early", "models-lost"),
        ("error", "models-failed"),
        ("redirect", "replica-redirects"),
    ],
)
def test_another_one_is_tried(
    held: ExitStack, two: tuple[OpenAIServer, OpenAIServer], fault: str, code: str
) -> None:
    engine = _engine(held, *two)
    if fault == "silent":
        _hurry(engine, 0)
    two[0].fault = fault
    _prefer(engine, 0)
    assert _text(engine) == ANSWER
    assert [len(server.asked) for server in two] == [1, 1]
    assert engine.replicas.retries == 1
    assert [replica.ended for replica in engine.replicas.replicas] == [{code: 1}, {"done": 1}]


def test_what_is_wrong_with_the_question_is_not_tried_again(
    held: ExitStack, two: tuple[OpenAIServer, OpenAIServer]
) -> None:
    engine = _engine(held, *two)
    two[0].fault = two[1].fault = "400"
    error = _code(engine)
    assert (error.code, error.permanent) == ("context-too-long", True)
    assert "SECRET" not in error.detail
    assert len(two[0].asked) + len(two[1].asked) == 1
    assert _states(engine) == ["ready", "ready"]


# --- behind the first token -----------------------------------------------------------------------
@pytest.mark.parametrize(("fault", "code"), [("half", "models-lost"), ("stuck", "models-silent")])
def test_what_has_begun_is_never_tried_again(
    held: ExitStack, two: tuple[OpenAIServer, OpenAIServer], fault: str, code: str
) -> None:
    engine = _engine(held, *two)
    if fault == "stuck":
        _hurry(engine, 0)
        _hurry(engine, 1)
    two[0].fault = two[1].fault = fault
    said: list[Piece] = []
    with pytest.raises(ModelsUnavailable) as caught:
        said.extend(engine.chat(ASK, Sampling()))
        pytest.fail("it ended")
    assert caught.value.code == code
    assert len(two[0].asked) + len(two[1].asked) == 1
    assert engine.replicas.retries == 0


def test_the_whole_has_a_limit(held: ExitStack, two: tuple[OpenAIServer, OpenAIServer]) -> None:
    engine = _engine(held, two[0], limits=Limits(whole=0.5))
    two[0].pause = 0.2
    assert _code(engine).code == "generation-late"
    assert _states(engine) == ["ready"]


def test_who_leaves_closes_the_connection(
    held: ExitStack, two: tuple[OpenAIServer, OpenAIServer]
) -> None:
    engine = _engine(held, two[0])
    for fault, pause in (("", 0.2), ("silent", 0.0)):
        two[0].fault, two[0].pause = fault, pause
        before = two[0].cancelled
        with closing(engine.chat(ASK, Sampling())) as pieces:
            next(pieces)
            # The first piece is no word yet: it comes before the question is sent.
            wait_for(lambda before=before: len(two[0].asked) == before + 1)  # type: ignore[misc]
        wait_for(lambda before=before: two[0].cancelled == before + 1)  # type: ignore[misc]
    wait_for(lambda: engine.replicas.replicas[0].ended == {"cancelled": 2})
    assert _states(engine) == ["ready"]


# --- away, and back -------------------------------------------------------------------------------
def test_one_that_ends_is_left_alone_and_found_again(held: ExitStack) -> None:
    first, second = OpenAIServer(), OpenAIServer()
    held.enter_context(serving(second))
    with serving(first):
        engine = _engine(held, first, second)
        port = int(first.url.rpartition(":")[2])
    _prefer(engine, 0)
    assert [_text(engine) for _ in range(5)] == [ANSWER] * 5
    assert _states(engine) == ["away", "ready"]
    assert engine.replicas.retries == 1
    held.enter_context(serving(first, port))
    wait_for(lambda: _states(engine) == ["ready", "ready"])
    _prefer(engine, 0)
    assert _text(engine) == ANSWER and len(first.asked) == 1


def test_a_gate_with_nobody_behind_it_is_no_server_that_ended(held: ExitStack) -> None:
    """A gate of the wall takes each connection, and closes it where the server is away."""
    gate = held.enter_context(socket.create_server(("127.0.0.1", free_port())))
    held.callback(gate.shutdown, socket.SHUT_RDWR)  # wakes the thread up

    def close_each() -> None:
        with suppress(OSError):
            while True:
                gate.accept()[0].close()

    threading.Thread(target=close_each, daemon=True).start()
    away = OpenAIServer()
    away.url = f"http://127.0.0.1:{gate.getsockname()[1]}"
    engine = _engine(held, held.enter_context(serving(OpenAIServer())), away)
    assert [each["error"] for each in engine.replicas.describe()] == ["", "models-down"]


def test_all_away_is_said_at_once_and_ends_when_one_is_back(held: ExitStack) -> None:
    server = OpenAIServer()
    with serving(server):
        engine = _engine(held, server)
        port = int(server.url.rpartition(":")[2])
    assert _code(engine).code == "models-down"
    assert engine.models() == []
    started = time.monotonic()
    error = _code(engine)
    assert (error.code, error.permanent) == ("replicas-away", False)
    assert time.monotonic() - started < Limits().first / 2, "nobody waited for a first word"
    held.enter_context(serving(server, port))
    wait_for(lambda: bool(engine.models()))
    assert _text(engine) == ANSWER


def test_a_full_one_is_let_rest_for_as_long_as_it_says(held: ExitStack) -> None:
    server = held.enter_context(serving(OpenAIServer()))
    engine = _engine(held, server)
    server.fault, server.rest = "429", 50
    assert _code(engine).code == "replica-busy"
    [replica] = engine.replicas.replicas
    assert replica.rest_until - replica.last_at == pytest.approx(50)
    assert _states(engine) == ["busy"]
    assert _code(engine).code == "replicas-busy"
    assert len(server.asked) == 1
    server.fault = ""
    # As if all but a second of it were over.
    replica.rest_until -= 49
    wait_for(lambda: _states(engine) == ["ready"])
    assert _text(engine) == ANSWER


def test_looks_are_no_storm(held: ExitStack) -> None:
    server = held.enter_context(serving(OpenAIServer()))
    engine = _engine(held, server)
    server.sick, server.fault = "503", "401"
    _code(engine)
    looks, began = server.looks, time.monotonic()
    threads = [threading.Thread(target=_code, args=(engine,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.looks - looks <= 4 + (time.monotonic() - began), "about one a second"
    assert len(server.asked) == 1


@pytest.mark.parametrize("sick", ["503", "redirect", "garbage", "huge"])
def test_one_whose_looks_fail_is_not_asked(
    held: ExitStack, two: tuple[OpenAIServer, OpenAIServer], sick: str
) -> None:
    two[0].sick = sick
    engine = _engine(held, *two)
    assert _states(engine) == ["away", "ready"]
    assert [_text(engine) for _ in range(3)] == [ANSWER] * 3
    assert len(two[0].asked) == 0


def test_none_is_there_at_the_start() -> None:
    with pytest.raises(ModelError, match=r"127\.0\.0\.1:9: models-down") as caught:
        connect(Servers(["http://127.0.0.1:9", "http://127.0.0.1:10"]), model="m", context=512)
    assert caught.value.code == "replicas-away"


@pytest.mark.parametrize(
    "url", ["http://user:secret@127.0.0.1:1", "unix:/x", "http://", "http://127.0.0.1:x", "ftp://a"]
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ModelError) as caught:
        connect(Servers([url]), model="m", context=512)
    assert caught.value.code in ("engine-address", "address-not-allowed")
    assert "secret" not in caught.value.detail


# --- the state of one, without a server -----------------------------------------------------------
def test_the_newest_answers_say_most_of_how_soon_it_speaks() -> None:
    replica = Replica("http://h:1")
    for _ in range(50):
        replica.spoke(1.0)
    replica.spoke(2.0)
    assert replica.first_seconds == pytest.approx(1.3)
    replica.looked_in_vain(5.0, "models-down")
    assert (replica.describe(65.0)["error"], replica.describe(65.0)["error_ago"]) == (
        "models-down",
        60,
    )


def test_failed_answers_count_in_a_row_alone() -> None:
    replica = Replica("http://h:1")
    replica.looked_well(0.0, Facts({"m": 0}))
    error = ModelsUnavailable("models-failed", "")
    for _ in range(5):
        replica.failed(0.0, error)
        replica.failed(0.0, error)
        assert replica.usable(0.0)
        replica.answered()
    for _ in range(3):
        replica.failed(0.0, error)
    assert not replica.usable(0.0)
    assert replica.due() == 1.0
    replica.looked_well(1.5, Facts({"m": 0}))
    assert replica.usable(1.5), "it gets one answer to try"
    replica.begun(1.5)
    assert not replica.usable(1.5)
    replica.over("models-failed")
    replica.failed(1.5, error)
    assert replica.due() == 3.5
    for _ in range(40):
        replica.failed(1.5, error)
    assert replica.due() == 31.5
