"""One branch of a git repository, over https, http or git://. No program is started, nothing is run:
objects are fetched into a temporary folder and read from there. Hooks, submodules, filters, links to
other files and large files that lie elsewhere (LFS) are never followed."""

import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import IO, Any
from urllib.parse import urlsplit

from dulwich.client import HTTPUnauthorized, TCPGitClient, Urllib3HttpGitClient
from dulwich.errors import GitProtocolError, HangupException, NotGitRepository
from dulwich.object_store import iter_tree_contents
from dulwich.objects import Blob, Commit
from dulwich.protocol import Protocol
from dulwich.repo import Repo

from ingest.held import held
from ingest.sources import packs, tls
from ingest.sources.addresses import require_gate, split_url
from ingest.sources.base import (
    CONNECT_SECONDS,
    SILENCE_SECONDS,
    Item,
    Place,
    SourceError,
    measured,
)

# When it is imported it binds a socket to ::1, to know whether IPv6 is there: the guard would refuse that
# and write it down as an attempt. Where it is missing, names are asked for addresses of IPv4 alone.
_there, socket.has_ipv6 = socket.has_ipv6, False
import urllib3  # noqa: E402

socket.has_ipv6 = _there

PORTS = {"https": 443, "http": 80, "git": 9418}
#: Of one fetch, with all objects of the newest commit.
MOST_BYTES = 2_000_000_000
_LFS = b"version https://git-lfs.github.com/spec/"


class GitSource:
    """`branch` "": the one that the server names; `folder` "": the whole tree."""

    def __init__(self, url: str, branch: str, folder: str, place: Place) -> None:
        self.state: dict[str, str] = {}
        self.unread: list[str] = []
        scheme, host, port, self._path = split_url(url, PORTS)
        require_gate(host, port, place)
        self._limits, self._branch, self._folder = place.limits, branch, folder.strip("/")
        self._received = 0
        if scheme == "git":
            self._client: Any = _Tcp(host, port, report_activity=self._count, quiet=True)
        else:
            self._client = _http_client(url, place, self._count)
        self._temporary = Path(tempfile.mkdtemp(prefix="git-", dir=place.cache))
        self._open = ExitStack()
        self._open.enter_context(held(self._temporary))
        self._repo: Repo | None = None

    def listing(self, state: Mapping[str, str]) -> Iterator[Item]:
        with _errors():
            head = self._head()
            self.state = {"head": head.decode("ascii")}
            self._repo = Repo.init_bare(str(self._temporary / "objects"), mkdir=True)
            self._fetch(self._repo, head)
            commit = self._repo[head]
            if not isinstance(commit, Commit):
                raise SourceError("source-missing")
            yield from self._files(self._repo, commit)

    def _fetch(self, repo: Repo, head: bytes) -> None:
        with tempfile.TemporaryFile(dir=self._temporary) as file:
            made = self._client.fetch_pack(
                self._path,
                lambda _refs, depth=None: [head],
                repo.get_graph_walker(),
                file.write,
                depth=1,
            )
            if made.object_format and made.object_format != repo.object_format.name:
                repo._change_object_format(made.object_format)
            file.seek(0)
            packs.require_bounded(file, len(head) // 2)
            file.seek(0)
            repo.object_store.add_thin_pack(file.read, None)

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Iterator[bytes]]:
        if self._repo is None:
            raise SourceError("source-missing")
        with _errors():
            blob = self._repo[item.version.encode("ascii")]
        if not isinstance(blob, Blob):
            raise SourceError("source-broken")
        if blob.data[: len(_LFS)] == _LFS:
            raise SourceError("source-elsewhere")
        yield measured(iter(blob.chunked) if blob.chunked else iter(()), item, self._limits)

    def close(self) -> None:
        with suppress(Exception):
            if self._repo is not None:
                self._repo.close()
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._open.close()

    def _count(self, size: int, _what: str) -> None:
        self._received += size
        self._limits.check_time()
        if self._received > MOST_BYTES:
            raise SourceError("source-too-large")

    def _head(self) -> bytes:
        """The newest commit of the branch. Raises SourceError `source-missing`."""
        refs = self._client.get_refs(self._path.encode()).refs
        name = f"refs/heads/{self._branch}".encode() if self._branch else b"HEAD"
        if not (head := refs.get(name)):
            raise SourceError("source-missing")
        return bytes(head)

    def _files(self, repo: Repo, commit: Commit) -> Iterator[Item]:
        when = datetime.fromtimestamp(max(0, commit.commit_time), UTC)
        before = f"{self._folder}/" if self._folder else ""
        entries = iter_tree_contents(repo.object_store, commit.tree, include_trees=True)
        for number, entry in enumerate(entries):
            # Ten trees that each hold the next ten times are ten billion, in a few bytes.
            self._limits.check_count(number // 10)
            self._limits.check_time()
            # os.fsdecode: names that are no UTF-8 are told apart, and left out (names.shown).
            path = entry.path.decode("utf-8", "surrogateescape") if entry.path else ""
            if S_ISREG(entry.mode or 0) and entry.sha and path.startswith(before):
                blob = entry.sha.decode("ascii")
                inner = path[len(before) :]
                yield Item(key=inner, path=inner, version=blob, modified=when, same=blob)


class _Tcp(TCPGitClient):
    """With a time limit: the library's own waits for ever."""

    def _connect(
        self, cmd: bytes, path: str | bytes, protocol_version: int | None = None
    ) -> tuple[Protocol, Callable[[], bool], IO[bytes] | None]:
        connected = socket.create_connection((self._host, self._port), CONNECT_SECONDS)
        connected.settimeout(SILENCE_SECONDS)
        reading, writing = connected.makefile("rb"), connected.makefile("wb", 0)

        def close() -> None:
            reading.close()
            writing.close()
            connected.close()

        protocol = Protocol(
            reading.read, writing.write, close, report_activity=self._report_activity
        )
        self.protocol_version = 0
        where = path if isinstance(path, bytes) else path.encode()
        protocol.send_cmd(b"git-" + cmd, where, b"host=" + self._host.encode("idna"))
        return protocol, lambda: False, None


class _Https(Urllib3HttpGitClient):
    """Speaks to servers that speak git alone: files that a web server happens to have are none."""

    def _http_request(self, *args: Any, **options: Any) -> Any:
        response, read = super()._http_request(*args, **options)
        if not (response.content_type or "").startswith("application/x-git-"):
            raise SourceError("source-broken", "no git server")

        def counted(size: int) -> bytes:
            data: bytes = read(size)
            if self._report_activity:
                self._report_activity(len(data), "read")
            return data

        return response, counted


def _http_client(url: str, place: Place, count: Callable[[int, str], None]) -> _Https:
    secure = urlsplit(url).scheme == "https"
    context = tls.context(place.certificates, place.pinned) if secure else None
    pool = urllib3.PoolManager(
        retries=urllib3.Retry(0, redirect=0, raise_on_redirect=False),
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=SILENCE_SECONDS),
        headers={"User-Agent": "git/sovereign"},
        ssl_context=context,
    )
    secret = place.secret
    return _Https(
        url,
        pool_manager=pool,
        username=secret.user or None,
        password=secret.password or None,
        report_activity=count,
        quiet=True,
    )


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except HTTPUnauthorized as error:
        raise SourceError("source-refused", "HTTP 401") from error
    except NotGitRepository as error:
        raise SourceError("source-missing") from error
    except (HangupException, OSError) as error:
        raise SourceError(_code(error), type(error).__name__) from error
    except (GitProtocolError, ValueError, KeyError, AssertionError) as error:
        raise SourceError(_code(error), type(error).__name__) from error
    except SourceError:
        raise
    except Exception as error:  # a library that reads what a server sends
        raise SourceError("source-broken", type(error).__name__) from error


def _code(error: Exception) -> str:
    if tls.is_tls(error):
        return "source-certificate"
    said = str(error)
    if " http resp 3" in said:
        return "source-redirects"
    if " http resp 403" in said:
        return "source-refused"
    if "not exported" in said or "not found" in said:
        return "source-missing"
    of_network = isinstance(error.__cause__, urllib3.exceptions.HTTPError)
    away = isinstance(error, OSError | HangupException) or " http resp 5" in said or of_network
    return "source-away" if away else "source-broken"
