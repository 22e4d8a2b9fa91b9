"""The child that saves one old office file in a new format. Started by convert.py as a script.

LibreOffice is loaded as a library (LibreOfficeKit: its C interface, of which entries are never moved)
into this process, which needs no socket, starts no program, reads the program's own files and writes
into its scratch folder alone. `soffice --convert-to` would want a Unix socket among everybody's
temporary files, and the right to connect to it and to all others of this account.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
#: Exit codes: what the library said of the file.
SAVED, NOT_LOADED, NOT_SAVED, NO_LIBRARY = 0, 64, 65, 66
#: A file that says that the library itself works: what ends the child from here on is the document.
LOADED = "loaded"

#: Where LibreOfficeKit is, in the folder of the programs.
LIBRARIES = ("libmergedlo.so", "libsofficeapp.so")
#: What it reads besides its own folder: other libraries, fonts, languages, time zones.
_READ = (
    *("/usr/lib", "/usr/lib64", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime"),
    *("/usr/share/zoneinfo", "/usr/share/fonts", "/usr/share/fontconfig", "/etc/fonts"),
    *("/usr/share/libreoffice", "/usr/share/liblangtag", "/etc/libreoffice"),
    *("/var/lib/libreoffice", "/var/spool/libreoffice"),
    *("/proc/self", "/proc/meminfo", "/proc/filesystems", "/sys/devices/system/cpu"),
)
#: Of a PDF: each slide is a page, hidden ones too, and nothing else is.
_PDF = {"ExportHiddenSlides": True, "ExportNotesPages": False, "ExportNotes": False}
#: Batch: no windows to ask with. A document that needs a password, or a question, is not loaded.
_OPTIONS = b"Batch=true,EnableMacrosExecution=false,MacroSecurityLevel=3,Language=en-US"
_LOAD_ERROR, _LOAD = 3, 4  # entries of struct LibreOfficeKitClass, the first is its size
_SAVE_AS = 2  # of struct LibreOfficeKitDocumentClass


def main() -> NoReturn:
    request = json.loads(sys.stdin.buffer.readline())
    scratch, program = Path(request["scratch"]), Path(request["program"])
    own = tuple(sys.path)
    sys.path.insert(0, request["root"])
    _confine(request, scratch, [*map(Path, own), program.parent, *map(Path, _READ)])
    os._exit(_convert(program, scratch, request["source"], request["target"]))


def _convert(program: Path, scratch: Path, source: str, target: str) -> int:
    """Load `source` and save `target`, both names in the scratch folder. The extension says as what."""
    name = next((name for name in LIBRARIES if (program / name).exists()), "")
    if not name:
        return NO_LIBRARY
    library = ctypes.CDLL(str(program / name), mode=ctypes.RTLD_GLOBAL)
    library.libreofficekit_hook_2.restype = ctypes.c_void_p
    kit = library.libreofficekit_hook_2(
        os.fsencode(program), _url(scratch / "home" / "profile").encode()
    )
    if not kit:
        return NO_LIBRARY
    (scratch / LOADED).touch()
    document = _entry(kit, _LOAD, ctypes.c_void_p, 2)(
        kit, _url(scratch / source).encode(), _OPTIONS
    )
    if not document:
        return NOT_LOADED
    saved = _entry(document, _SAVE_AS, ctypes.c_int, 3)(
        document, _url(scratch / target).encode(), Path(target).suffix[1:].encode(), _filter(target)
    )
    return SAVED if saved else NOT_SAVED


def _filter(target: str) -> bytes:
    """Options of the filter that saves, in its own form."""
    if not target.endswith(".pdf"):
        return b""
    options = {k: {"type": "boolean", "value": str(v).lower()} for k, v in _PDF.items()}
    return json.dumps(options).encode()


def _entry(thing: int, index: int, result: Any, strings: int) -> Any:
    """The function at an entry of a thing's table."""
    table = ctypes.c_void_p.from_address(thing).value or 0
    if ctypes.c_size_t.from_address(table).value <= index * ctypes.sizeof(ctypes.c_void_p):
        os._exit(NO_LIBRARY)
    address = ctypes.c_void_p.from_address(table + index * ctypes.sizeof(ctypes.c_void_p)).value
    form = ctypes.CFUNCTYPE(result, ctypes.c_void_p, *([ctypes.c_char_p] * strings))
    return form(address or 0)


def _url(path: Path) -> str:
    return path.as_uri()


def _confine(request: dict[str, Any], scratch: Path, read: list[Path]) -> None:
    """Bounds of the kernel, then its walls; where it has no filters, at least no network."""
    for which, most in (
        (resource.RLIMIT_AS, request["memory_mb"] << 20),
        (resource.RLIMIT_FSIZE, request["file_mb"] << 20),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (most, most))
    cpu_seconds = request["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
    from wall import confine, seccomp

    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if not seccomp.available() and libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    confine.apply("converter", read=read, write=[scratch])


if __name__ == "__main__":
    main()
