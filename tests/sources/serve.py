"""Real servers for the tests of sources: `python -m tests.sources.serve webdav|s3|git-http PORT ...`.

Between the server and its caller stands what goes wrong: the word in the file FAULT.
"""

import argparse
import os
import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cheroot import wsgi
from cheroot.ssl.builtin import BuiltinSSLAdapter

Environ = dict[str, Any]
App = Callable[[Environ, Any], Iterable[bytes]]


def webdav(folder: str) -> App:
    from wsgidav.wsgidav_app import WsgiDAVApp

    app: App = WsgiDAVApp(
        {
            "provider_mapping": {"/": folder},
            "simple_dc": {"user_mapping": {"*": {"alice": {"password": "pw"}}}},
            "http_authenticator": {"accept_basic": True, "accept_digest": False},
            "logging": {"enable": False},
            "verbose": 0,
            "property_manager": True,
            "lock_storage": True,
        }
    )
    return app


def s3(_folder: str) -> App:
    from moto.server import DomainDispatcherApplication, create_backend_app

    app: App = DomainDispatcherApplication(create_backend_app)
    return app


def git_http(folder: str) -> App:
    """git's own program for web servers (CGI)."""
    passed = ("REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH", "PATH_INFO")
    headers = ("HTTP_GIT_PROTOCOL", "HTTP_CONTENT_ENCODING")

    def serve(environ: Environ, start: Any) -> Iterable[bytes]:
        known = {name: str(environ[name]) for name in (*passed, *headers) if environ.get(name)}
        roots = {"GIT_PROJECT_ROOT": folder, "GIT_HTTP_EXPORT_ALL": "1", "REMOTE_ADDR": "127.0.0.1"}
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        done = subprocess.run(
            ["git", "http-backend"], input=body, env={**os.environ, **known, **roots},
            capture_output=True, check=False,
        )  # fmt: skip
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        pairs = [line.decode().partition(": ") for line in head.split(b"\r\n")]
        told = {name.lower(): value for name, _, value in pairs}
        status = told.pop("status", "200 OK")
        start(status, list(told.items()))
        return [rest]

    return serve


def faulty(app: App, fault: Path) -> App:
    """`500`, `redirect`, `half` (of each file), `cut` (a listing), `loop` (paging that never ends)."""

    def serve(environ: Environ, start: Any) -> Iterable[bytes]:
        word = fault.read_text().strip() if fault.exists() else ""
        if word == "500":
            start("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        if word == "redirect":
            start("302 Found", [("Location", "http://127.0.0.1:9/"), ("Content-Length", "0")])
            return [b""]
        if word == "loop":  # the same page again
            query = environ["QUERY_STRING"]
            environ["QUERY_STRING"] = re.sub(r"&?continuation-token=[^&]*", "", query)
        kept, written = list[Any](), list[bytes]()

        def begin(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Any:
            kept[:] = [status, headers]
            return written.append

        parts = app(environ, begin)
        body = b"".join([*written, *parts])
        headers = [(name, value) for name, value in kept[1] if name.lower() != "content-length"]
        listing = environ["REQUEST_METHOD"] == "PROPFIND" or "list-type" in environ["QUERY_STRING"]
        if word == "loop" and listing:
            body = body.replace(b">false</IsTruncated>", b">true</IsTruncated>").replace(
                b"</ListBucketResult>",
                b"<NextContinuationToken>again</NextContinuationToken></ListBucketResult>",
            )
        start(kept[0], [*headers, ("Content-Length", str(len(body)))])
        if (word == "half" and not listing) or (word == "cut" and listing):
            return [body[: len(body) // 2]]
        return [body]

    return serve


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["webdav", "s3", "git-http"])
    parser.add_argument("port", type=int)
    parser.add_argument("--folder", default="")
    parser.add_argument("--fault", type=Path, default=Path("/nonexistent"))
    parser.add_argument("--certificate", default="")
    known = parser.parse_args()
    made = {"webdav": webdav, "s3": s3, "git-http": git_http}[known.kind](known.folder)
    server = wsgi.Server(("127.0.0.1", known.port), faulty(made, known.fault), numthreads=4)
    if known.certificate:
        server.ssl_adapter = BuiltinSSLAdapter(known.certificate, known.certificate)
    server.safe_start()


if __name__ == "__main__":
    main()
