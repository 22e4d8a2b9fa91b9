"""What pip is told on this machine (mirrors, certificates, folders of wheels), passed on to uv."""

import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlparse

_LINE = re.compile(r"^(?P<scope>[^.]+)\.(?:[^.=]*\.)?(?P<name>[a-z-]+)='(?P<value>.*)'$")
#: Later wins, as in pip: the environment over install's own section over [global].
_SCOPES = ("global", "install", ":env:")


@dataclass(frozen=True)
class PipSettings:
    find_links: tuple[str, ...] = ()
    index_url: str = ""
    cert: str = ""

    def folders(self) -> list[Path]:
        """The find-links that are folders on this machine."""
        paths = []
        for link in self.find_links:
            url = urlparse(link)
            if url.scheme in {"", "file"}:
                paths.append(Path(unquote(url.path)))
        return [path for path in paths if path.is_dir()]

    def for_uv(self) -> Mapping[str, str]:
        """uv reads its own variables only: without these it trusts and sees less than pip does."""
        env = {"UV_LINK_MODE": "copy", "UV_NO_CONFIG": "1", "UV_PYTHON_DOWNLOADS": "never"}
        if self.find_links:
            env["UV_FIND_LINKS"] = ",".join(self.find_links)
        if self.index_url:
            env["UV_DEFAULT_INDEX"] = self.index_url
        if self.cert:
            env["SSL_CERT_FILE"] = self.cert
        return env


def read(python: Path) -> PipSettings:
    listing = subprocess.run(  # noqa: S603 (our own interpreter)
        [str(python), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    return parse(listing.stdout)


def parse(listing: str) -> PipSettings:
    """Read the output of `pip config list`."""
    found: dict[str, dict[str, str]] = {scope: {} for scope in _SCOPES}
    for line in listing.splitlines():
        match = _LINE.match(line.strip())
        if match and match["scope"] in found:
            found[match["scope"]][match["name"]] = match["value"].replace("\\n", " ").strip()
    merged = {name: value for scope in _SCOPES for name, value in found[scope].items()}
    return PipSettings(
        find_links=tuple(merged.get("find-links", "").split()),
        index_url=merged.get("index-url", ""),
        cert=merged.get("cert", ""),
    )


def offered_cpu_torch(settings: PipSettings, version: str) -> Path | None:
    """A CPU build of torch for this Python in pip's own find-links, or None."""
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    pattern = f"torch-{version}+cpu-{tag}-*{platform.machine()}.whl"
    wheels = [wheel for folder in settings.folders() for wheel in folder.glob(pattern)]
    return wheels[0] if wheels else None
