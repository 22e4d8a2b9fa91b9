"""What must be true before the processes start: tables, static files, translations, the administrator."""

import hashlib
import io
import shutil
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from sovereign.launcher.errors import LaunchError
from sovereign.launcher.say import say
from sovereign.settings.rundir import make_private


def everything() -> None:
    """All of it, in order. Done already: quick, and changes nothing. Raises LaunchError."""
    folders()
    tables()
    static_files()
    translations()
    administrator()


def folders() -> None:
    """Make the data folders, readable by this user alone."""
    for folder in (settings.DATA_DIR, settings.RUN_DIR, settings.MEDIA_ROOT, _logs()):
        try:
            make_private(Path(folder))
        except OSError as error:
            raise LaunchError(
                f"{folder} cannot be used ({error.strerror or error}): give this user the right "
                "to it, or set SOVEREIGN_DATA_DIR."
            ) from error


def _logs() -> Path:
    return Path(settings.DATA_DIR) / "logs"


def tables() -> None:
    try:
        executor = MigrationExecutor(connections["default"])
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            say(f"Updating the database ({len(plan)} steps) ...")
            call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        raise LaunchError(
            f"The database cannot be used ({str(error).strip().splitlines()[0]}): see "
            "DATABASE_URL, or `.venv/bin/python manage.py doctor`."
        ) from error
    finally:
        # The children open their own connections; a handle kept here would hold SQLite's WAL open.
        connections.close_all()


def static_files() -> None:
    """Collect and compress them when one of ours, or a package that brings some, has changed."""
    stamp = Path(settings.STATIC_ROOT) / ".sovereign-stamp"
    wanted = _static_state()
    if (
        not stamp.parent.is_symlink()
        and stamp.is_file()
        and stamp.read_text(encoding="utf-8") == wanted
    ):
        return
    say("Collecting the static files ...")
    try:
        # Not collectstatic's own --clear: it would follow a link that a process laid here.
        _take_away(Path(settings.STATIC_ROOT))
        call_command("collectstatic", interactive=False, verbosity=0)
    except (CommandError, ValueError, OSError) as error:
        raise LaunchError(f"The static files could not be collected: {error}") from error
    stamp.write_text(wanted, encoding="utf-8")


def _take_away(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _static_state() -> str:
    digest = hashlib.sha256(settings.VERSION.encode())
    folders = [Path(folder) for folder in settings.STATICFILES_DIRS]
    folders += [Path(app.path) / "static" for app in apps.get_app_configs()]
    for folder in folders:
        for file in sorted(folder.rglob("*")):
            about = file.stat()
            if not file.is_dir():
                digest.update(f"{file}\0{about.st_size}\0{about.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def translations() -> None:
    """Compile the .po files that are newer than their .mo.

    They come compiled, and a checkout says nothing of which is newer: without gettext, or where the
    folder cannot be written, those that are there are used.
    """
    stale = [
        source
        for folder in settings.LOCALE_PATHS
        for source in Path(folder).rglob("*.po")
        if not _is_fresh(source)
    ]
    if not stale:
        return
    if not shutil.which("msgfmt"):
        if not all(source.with_suffix(".mo").is_file() for source in stale):
            say("The translations are not compiled: apt install gettext, then start again.")
        return
    try:
        call_command("compilemessages", verbosity=0, locale=_locales(stale))
    except CommandError:
        say("The translations could not be compiled: those that came with this version are used.")


def _is_fresh(source: Path) -> bool:
    compiled = source.with_suffix(".mo")
    return compiled.is_file() and compiled.stat().st_mtime >= source.stat().st_mtime


def _locales(files: list[Path]) -> list[str]:
    return sorted({file.parent.parent.name for file in files})


def administrator() -> None:
    """Make the administrator that the settings name, where they name one."""
    if not (settings.ADMIN_EMAIL or settings.ADMIN_PASSWORD):
        return
    try:
        call_command("bootstrap_admin", stdout=io.StringIO(), stderr=io.StringIO())
    except CommandError as error:
        raise LaunchError(str(error)) from error
    finally:
        connections.close_all()


def record_start() -> None:
    """Let the record say that this installation starts, behind which wall, and what has changed."""
    try:
        call_command("record_start", stdout=io.StringIO())
    except (CommandError, DatabaseError) as error:
        raise LaunchError(f"The start could not be recorded: {error}") from error
    finally:
        connections.close_all()


def first_link() -> str | None:
    """The path of the one-time link while nobody administers this installation."""
    from accounts.bootstrap import first_link as link

    try:
        return link()
    finally:
        connections.close_all()
