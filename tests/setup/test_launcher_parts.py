import os
import shutil
import socket
import stat
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import Settings

from inference.cpu import cpu_count
from sovereign import checks
from sovereign.launcher import listening, lock, logfiles, prepare, services, walls
from sovereign.launcher.errors import LaunchError
from sovereign.launcher.walls import Wall
from sovereign.settings.rundir import LONGEST_SOCKET_PATH, make_private, run_dir
from wall.status import Status

#: No namespace: what is started does not depend on the wall around it.
BARE = Wall(None, Status(wall="guard"))


# --- lock and socket ----------------------------------------------------------------------------
def test_a_second_launcher_is_told_who_runs(tmp_path: Path) -> None:
    path = tmp_path / "launcher.lock"
    with lock.take(path), pytest.raises(LaunchError, match=rf"already runs .*{os.getpid()}"):
        lock.take(path)
    lock.take(path).close()


def test_a_taken_address_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(LaunchError, match="taken by another program"):
            listening.open_socket(address)


@pytest.mark.parametrize("address", ["8000", "127.0.0.1:", "127.0.0.1:http", "nobody:70000"])
def test_a_bad_address_is_one_sentence(address: str) -> None:
    with pytest.raises(LaunchError, match="must look like"):
        listening.open_socket(address)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("0.0.0.0:80", "http://127.0.0.1:80"),
        ("[::]:8000", "http://[::1]:8000"),
        ("docs.example.org:8000", "http://docs.example.org:8000"),
    ],
)
def test_the_printed_address_can_be_opened(address: str, url: str) -> None:
    assert listening.url(address) == url


# --- folders --------------------------------------------------------------------------------------
def test_a_deep_data_folder_gets_a_short_run_folder(tmp_path: Path) -> None:
    assert run_dir(Path("/srv/sovereign")) == Path("/srv/sovereign/run")
    deep = Path("/srv") / ("d" * 100)
    short = run_dir(deep, str(tmp_path))
    assert short.parent == tmp_path
    assert len(os.fsencode(run_dir(deep) / "valkey.sock")) <= LONGEST_SOCKET_PATH
    assert run_dir(deep / "other", str(tmp_path)) != short


def test_the_run_folder_is_private_and_not_somebody_elses(tmp_path: Path) -> None:
    make_private(tmp_path / "run")
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "run")
    with pytest.raises(PermissionError, match="somebody else"):
        make_private(tmp_path / "link")


# --- logs ---------------------------------------------------------------------------------------
def test_a_full_log_moves_on_while_its_writer_keeps_writing(tmp_path: Path) -> None:
    path = tmp_path / "web.log"
    with logfiles.open_log(path) as writer:
        for number in range(5):
            writer.write(f"{number}\n".encode() * 100)
            writer.flush()
            assert logfiles.rotate(path, max_bytes=150, keep=3)
        writer.write(b"after\n")
        writer.flush()
        assert not logfiles.rotate(path, max_bytes=150)
    assert path.read_bytes() == b"after\n", "an appending writer goes on at the new end"
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "web.log",
        "web.log.1",
        "web.log.2",
        "web.log.3",
    ]
    assert (tmp_path / "web.log.1").read_text().startswith("4")
    assert (tmp_path / "web.log.3").read_text().startswith("2")


# --- what is started ------------------------------------------------------------------------------
def test_the_broker_listens_on_a_private_unix_socket_only() -> None:
    spec = services.broker_spec(BARE)
    assert spec
    options = dict(zip(spec.command[1::2], spec.command[2::2], strict=True))
    assert options["--port"] == "0"
    assert options["--unixsocketperm"] == "700"
    assert options["--appendonly"] == "yes"
    assert Path(spec.command[0]).name in {"valkey-server", "redis-server"}


def test_what_a_setting_moves_elsewhere_is_not_started(settings: Settings) -> None:
    settings.EMBEDDED = {"broker": False, "vectors": False, "models": False}
    assert services.broker_spec(BARE) is None
    assert services.vectors_spec(BARE) is None
    assert services.models_spec(BARE) is None


def test_the_vector_server_is_the_rust_one_on_loopback() -> None:
    Path(settings.RUN_DIR).mkdir(parents=True, exist_ok=True)
    spec = services.vectors_spec(BARE)
    assert spec
    assert spec.command[1] == "run"
    assert spec.command[spec.command.index("--host") + 1] == "127.0.0.1"
    written = (Path(settings.RUN_DIR) / "chroma.url").read_text()
    assert written.endswith(spec.command[-1])


def test_the_web_process_logs_no_addresses_and_believes_no_headers(
    settings: Settings,
) -> None:
    command = services.web_spec(5, BARE).command
    assert {"--no-access-log", "--no-proxy-headers"} <= set(command)
    settings.HTTPS = True
    assert "--proxy-headers" in services.web_spec(5, BARE).command


def test_only_the_models_may_use_every_core() -> None:
    assert services.base_env(BARE)["PYTHONUNBUFFERED"] == "1"
    assert services.ONE_THREAD["OMP_NUM_THREADS"] == "1"
    models = services.models_spec(BARE)
    assert models
    assert models.env["OMP_NUM_THREADS"] == str(cpu_count())


def test_the_models_process_may_connect_to_all_model_servers(settings: Settings) -> None:
    settings.OPENAI_URLS = ["http://gpu-1:8000/v1", "https://gpu-2.example.org"]
    models = services.models_spec(BARE)
    assert models and models.confined and set(models.confined.connect) == {8000, 443}
    gates = [each for each in walls.outside() if each.name == "openai"]
    assert [(each.host, each.port) for each in gates] == [
        ("gpu-1", 8000),
        ("gpu-2.example.org", 443),
    ]


# --- what is prepared -------------------------------------------------------------------------
def test_static_files_are_collected_once_and_again_after_a_change(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.css").write_text("a{}")
    settings.STATICFILES_DIRS, settings.STATIC_ROOT = [source], tmp_path / "static"
    prepare.static_files()
    assert (tmp_path / "static" / "a.css").exists()
    assert "Collecting" in capsys.readouterr().out
    prepare.static_files()
    assert capsys.readouterr().out == ""
    (source / "b.css").write_text("b{}")
    prepare.static_files()
    assert (tmp_path / "static" / "b.css").exists()


def test_translations_are_compiled_when_they_are_newer(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.LOCALE_PATHS = [tmp_path]
    source = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n')
    monkeypatch.setenv("PATH", str(tmp_path))
    prepare.translations()
    assert "apt install gettext" in capsys.readouterr().out
    source.with_suffix(".mo").touch()
    prepare.translations()
    assert capsys.readouterr().out == ""


def test_a_checkout_without_gettext_uses_what_came_compiled(
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.LOCALE_PATHS = [tmp_path]
    source = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.with_suffix(".mo").touch()
    source.touch()
    os.utime(source.with_suffix(".mo"), (1, 1))
    monkeypatch.setenv("PATH", str(tmp_path))
    prepare.translations()
    assert capsys.readouterr().out == ""


def test_translations_that_cannot_be_compiled_end_nothing(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not shutil.which("msgfmt"):
        pytest.skip("gettext is not installed")
    settings.LOCALE_PATHS = [tmp_path]
    source = tmp_path / "de" / "LC_MESSAGES" / "django.po"
    source.parent.mkdir(parents=True)
    source.write_text("this is no catalogue")
    prepare.translations()
    assert "could not be compiled" in capsys.readouterr().out


# --- system checks ------------------------------------------------------------------------------
def test_the_checks_are_registered_and_content() -> None:
    from django.core.checks.registry import registry

    assert set(checks.ALL) <= registry.registered_checks
    assert not [each for each in checks.run() if each.is_serious()]


def test_a_secret_that_others_can_read_is_an_error() -> None:
    secret = Path(settings.DATA_DIR) / "secrets" / "secret_key"
    secret.chmod(0o644)
    try:
        assert [each.id for each in checks.secrets()] == ["sovereign.E002"]
    finally:
        secret.chmod(0o600)
    assert checks.secrets() == []


def test_a_folder_that_cannot_be_written_is_an_error(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.MEDIA_ROOT = tmp_path / "file"
    assert [each.id for each in checks.folders()] == ["sovereign.E001"]


def test_a_socket_path_that_is_too_long_is_an_error(settings: Settings) -> None:
    settings.MODELS_URL = "unix:/" + "d" * 107
    assert [each.id for each in checks.socket_paths()] == ["sovereign.E003"]


def test_hosts_and_debug(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = []
    assert [each.id for each in checks.hosts()] == ["sovereign.E004"]
    settings.ALLOWED_HOSTS = ["*"]
    assert [each.id for each in checks.hosts()] == ["sovereign.W004"]
    assert checks.debug() == []
    settings.DEBUG, settings.LISTEN = True, "127.0.0.1:8000"
    assert [each.id for each in checks.debug()] == ["sovereign.W005"]
    settings.LISTEN = "0.0.0.0:8000"
    assert [each.id for each in checks.debug()] == ["sovereign.C005"]


def test_missing_weights_are_a_warning(settings: Settings, tmp_path: Path) -> None:
    settings.MODELS_DIR, settings.MODELS_URL = tmp_path, "unix:/tmp/models.sock"
    said = checks.weights()
    assert {each.id for each in said} == {"sovereign.W006"}
    assert len(said) == 2
