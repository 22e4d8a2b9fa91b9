"""The set-up's own modules. They are imported by plain name, as `python3 sovereign/setup` does."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import clean
import environment
import llama_wheel
import machine
import pipsettings
import pytest
import weights
from commands import run_logged
from tell import SetupError, Teller

from sovereign.launcher import lock
from tests.setup.children import until
from tests.setup.conftest import ROOT

PIP_CONFIG = """\
:env:.cert='/etc/ssl/company.pem'
:env:.find-links='/opt/wheels file:///srv/more%20wheels'
global.cert='/etc/other.pem'
global.find-links='/ignored'
global.index-url='https://mirror.example/simple'
install.find-links='/also-ignored'
"""


# --- the machine ------------------------------------------------------------------------------
@pytest.mark.parametrize("version", [(3, 10), (3, 13), (2, 7)])
def test_another_python_is_refused_with_what_to_do(version: tuple[int, int]) -> None:
    with pytest.raises(SetupError, match=r"needs Python 3.11 .*PYTHON=python3.11"):
        machine.check_python(version)


@pytest.mark.parametrize("version", [(3, 11), (3, 12)])
def test_the_right_pythons_are_taken(version: tuple[int, int]) -> None:
    assert machine.check_python(version) == f"3.{version[1]}"


def test_a_full_disk_is_named_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"has .* GB free and the set-up needs 9999999\.0 GB"):
        machine.check_disk(tmp_path / "not" / "there" / "yet", 9_999_999)
    assert not list(tmp_path.iterdir())


def test_a_taken_port_is_named_with_another_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=rf"Port {port} is taken .*{port + 1} make up"):
            machine.check_port(f"127.0.0.1:{port}")
    machine.check_port(f"127.0.0.1:{port}")


@pytest.mark.parametrize("address", ["8000", "localhost", "127.0.0.1:http", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(SetupError, match="must look like"):
        machine.split_address(address)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="cannot be written"):
        machine.check_writable(tmp_path / "file" / "data")


def test_a_running_launcher_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "launcher.lock"
    machine.check_not_running(path)
    with lock.take(path), pytest.raises(SetupError, match="already runs"):
        machine.check_not_running(path)
    machine.check_not_running(path)


AVX2 = "avx2 fma f16c bmi2"
AVX512 = "avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.mark.parametrize(
    ("flags", "kind"),
    [
        (f"fpu avx {AVX2} {AVX512} avx512vbmi avx512_vnni", "avx512"),
        (f"fpu avx {AVX2} {AVX512}", "avx2"),
        (f"fpu avx {AVX2} sse4_2", "avx2"),
        ("fpu avx fma f16c bmi2", "plain"),
        ("", "plain"),
    ],
)
def test_a_build_is_for_machines_with_all_its_instructions(
    tmp_path: Path, flags: str, kind: str
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    assert machine.instructions(cpuinfo) == (kind if os.uname().machine == "x86_64" else "plain")


def _wheel(home: Path) -> Path:
    home.mkdir(parents=True)
    wheel = home / "llama_cpp_python-0.3.36-py3-none-linux_x86_64.whl"
    wheel.touch()
    return wheel


# --- the engine's wheel -----------------------------------------------------------------------
def test_the_build_is_pinned_by_hash_and_takes_our_options(tmp_path: Path) -> None:
    command = llama_wheel.build_command(Path("py"), tmp_path / "llama.txt", tmp_path / "out")
    assert command[:4] == ["py", "-m", "pip", "wheel"]
    assert {"--no-deps", "--require-hashes"} <= set(command)
    assert command[command.index("--no-binary") + 1] == "llama-cpp-python"
    assert "--no-cache-dir" in command, "pip would give a wheel that was built with other options"
    options = llama_wheel.build_env("avx2")["CMAKE_ARGS"].split()
    assert options[0] == "-DGGML_NATIVE=OFF", "a native build fits only the CPU that built it"
    assert {"-DGGML_AVX2=ON", "-DLLAMA_CURL=OFF", "-DLLAVA_BUILD=OFF"} <= set(options)
    assert "AVX512" not in " ".join(options)
    assert "-DGGML_AVX512_VNNI=ON" in llama_wheel.build_env("avx512")["CMAKE_ARGS"].split()
    assert "AVX" not in llama_wheel.build_env("plain")["CMAKE_ARGS"]


def test_other_flags_have_another_folder(tmp_path: Path) -> None:
    fast, plain = llama_wheel.folder(tmp_path, "avx2"), llama_wheel.folder(tmp_path, "plain")
    assert fast != plain
    assert llama_wheel.VERSION in fast.name
    assert "avx2" in fast.name
    wheel = _wheel(fast)
    assert llama_wheel.cached(tmp_path, "avx2") == wheel
    assert llama_wheel.cached(tmp_path, "plain") is None
    assert llama_wheel.cached(tmp_path, "avx512") is None
    assert llama_wheel.best_cached(tmp_path, "avx512") == (wheel, "avx2")
    assert llama_wheel.best_cached(tmp_path, "plain") is None, "it would die of an instruction"


def test_a_half_copied_wheel_is_not_taken_for_a_whole_one(tmp_path: Path) -> None:
    home = llama_wheel.folder(tmp_path, "avx2")
    home.mkdir(parents=True)
    (home / ".llama_cpp_python-0.3.36-py3-none-linux_x86_64.whl.part").touch()
    assert llama_wheel.cached(tmp_path, "avx2") is None


def test_the_build_shows_how_far_it_is() -> None:
    line = "  [12/140] Building CXX object vendor/llama.cpp/src/CMakeFiles/llama.dir/llama.cpp.o"
    assert llama_wheel.objects_built(line) == "12 of 140 files compiled"
    assert llama_wheel.objects_built("  -- Configuring done") is None


def test_without_a_compiler_the_prebuilt_engine_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cpu = machine.instructions()
    assert environment.wanted_engine(tmp_path) == llama_wheel.folder(tmp_path, cpu).name
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.wanted_engine(tmp_path) == "xllamacpp"


def test_a_slower_wheel_in_the_cache_serves_tests_and_machines_without_a_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "instructions", lambda: "avx512")
    _wheel(slower := llama_wheel.folder(tmp_path, "avx2"))
    fastest = llama_wheel.folder(tmp_path, "avx512").name
    assert environment.wanted_engine(tmp_path) == fastest
    assert environment.wanted_engine(tmp_path, for_tests=True) == slower.name
    monkeypatch.setenv("PATH", str(tmp_path))
    assert environment.wanted_engine(tmp_path) == slower.name


def test_the_prebuilt_engine_is_pinned_by_hash() -> None:
    pinned = (ROOT / "requirements" / "xllamacpp.txt").read_text()
    assert pinned.startswith("xllamacpp==2026.10.11549")
    assert "--hash=sha256:" in pinned


# --- pip's settings, handed to uv --------------------------------------------------------------
def test_uv_is_told_what_pip_was_told(tmp_path: Path) -> None:
    settings = pipsettings.parse(PIP_CONFIG)
    told = settings.for_uv()
    assert told["UV_FIND_LINKS"] == "/opt/wheels,file:///srv/more%20wheels"
    assert told["SSL_CERT_FILE"] == "/etc/ssl/company.pem"
    assert told["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert "UV_FIND_LINKS" not in pipsettings.parse("").for_uv()


def test_a_cpu_torch_is_found_in_pips_own_folders(tmp_path: Path) -> None:
    folder = tmp_path / "our wheels"
    folder.mkdir()
    settings = pipsettings.parse(f"global.find-links='{folder.as_uri()} /nowhere'")
    assert pipsettings.offered_cpu_torch(settings, "2.13.0") is None
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    wheel = folder / f"torch-2.13.0+cpu-{tag}-{tag}-manylinux_2_28_{os.uname().machine}.whl"
    wheel.touch()
    assert pipsettings.offered_cpu_torch(settings, "2.13.0") == wheel
    assert pipsettings.offered_cpu_torch(settings, "2.14.0") is None


# --- the environment --------------------------------------------------------------------------
def an_environment(folder: Path, with_tests: bool = False) -> environment.Environment:
    (folder / "requirements").mkdir(exist_ok=True)
    for name in ("torch.txt", "base.txt", "dev.txt"):
        (folder / "requirements" / name).write_text(f"{name}==1\n")
    (folder / ".venv").mkdir(exist_ok=True)
    return environment.Environment(folder, folder / "cache", folder / "log", with_tests)


def test_a_finished_environment_is_skipped_until_a_pin_changes(tmp_path: Path) -> None:
    env = an_environment(tmp_path)
    assert not env.complete()
    environment.finish(env)
    assert env.complete()
    (tmp_path / "requirements" / "base.txt").write_text("django==99\n")
    assert not env.complete()


def test_a_link_to_the_environment_of_another_folder_is_refused(tmp_path: Path) -> None:
    env = an_environment(tmp_path)
    other = env.home.rename(tmp_path / "other")
    (other / "theirs").touch()
    env.home.symlink_to(other)
    with pytest.raises(SetupError, match="is a link"):
        environment.make(env, Teller(1))
    assert (other / "theirs").exists()


def test_one_with_the_test_packages_serves_without_them_too(tmp_path: Path) -> None:
    with_tests = an_environment(tmp_path, with_tests=True)
    environment.finish(with_tests)
    assert an_environment(tmp_path).complete()
    environment.finish(an_environment(tmp_path))
    assert not with_tests.complete()


def test_the_pins_are_installed_by_hash_and_torch_apart(tmp_path: Path) -> None:
    pins = environment._pins(an_environment(tmp_path))
    assert pins[:2] == ["--no-deps", "--require-hashes"]
    assert [Path(part).name for part in pins if str(part).endswith(".txt")] == ["base.txt"]


def test_models_that_are_there_are_skipped_until_a_choice_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SOVEREIGN_MODELS_DIR", raising=False)
    env = an_environment(tmp_path)
    model = tmp_path / "cache" / "models" / "small" / "model.gguf"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"weights")
    before = weights.state(env)
    assert weights.state(env) == before
    monkeypatch.setenv("SOVEREIGN_CHAT_MODEL", "another")
    assert weights.state(env) != before
    monkeypatch.delenv("SOVEREIGN_CHAT_MODEL")
    model.write_bytes(b"other weights")
    assert weights.state(env) != before


# --- running programs -------------------------------------------------------------------------
def run_python(program: str, folder: Path) -> None:
    run_logged(
        [sys.executable, "-S", "-c", program],
        log=folder / "log",
        teller=Teller(1),
        failure="It did not work.",
    )


def test_a_failing_program_ends_in_one_sentence_and_its_last_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = "print('a reason', flush=True); raise SystemExit(7)"
    with pytest.raises(SetupError, match=r"^It did not work\. Everything .* is in "):
        run_python(program, tmp_path)
    assert "a reason" in capsys.readouterr().out
    assert "a reason" in (tmp_path / "log").read_text()


def test_a_program_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"It did not work\. \(No such file"):
        run_logged(
            [tmp_path / "nothing"],
            log=tmp_path / "log",
            teller=Teller(1),
            failure="It did not work.",
        )


def run_setup(*options: str, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, str(ROOT / "sovereign" / "setup"), *options],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, **env},
        check=False,
    )


def test_a_taken_port_ends_the_set_up_before_it_installs(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = run_setup(SOVEREIGN_LISTEN=address, SOVEREIGN_DATA_DIR=str(tmp_path))
    assert ended.returncode == 1
    assert ended.stderr.strip().count("\n") == 0
    assert "is taken by another program" in ended.stderr


def test_ctrl_c_ends_the_set_up_and_what_it_runs(tmp_path: Path) -> None:
    program = (
        # What a shell starts in the background, CI perhaps, ignores Ctrl-C.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from pathlib import Path\n"
        "from tell import Teller\n"
        "from commands import run_logged\n"
        "run_logged([sys.executable, '-c', 'import os,time; print(os.getpid(), flush=True); "
        "time.sleep(99)'], log=Path(sys.argv[2]), teller=Teller(1), failure='no')\n"
    )
    log = tmp_path / "log"
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(ROOT / "sovereign" / "setup"), str(log)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(lambda: log.exists() and log.read_text().strip().rpartition("\n")[2].isdigit())
    child = int(log.read_text().splitlines()[-1])
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) != 0
    until(lambda: not Path(f"/proc/{child}").exists())


def test_a_step_without_a_terminal_says_what_and_how_it_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    teller = Teller(3)
    with teller.step("Python packages"):
        teller.progress("Collecting django")
        teller.last_line = time.monotonic() - 60
        teller.progress("Collecting torch")
        teller.done("installed")
    assert capsys.readouterr().out.splitlines() == [
        "[1/3] Python packages ...",
        "[1/3] Python packages ... Collecting torch",
        "[1/3] Python packages: installed",
    ]


# --- erasing ----------------------------------------------------------------------------------
def test_only_our_own_data_is_erased(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("documents", "chroma", "family photos"):
        (tmp_path / name).mkdir()
    for name in ("db.sqlite3", "db.sqlite3-wal", "notes.txt"):
        (tmp_path / name).touch()
    monkeypatch.setenv("CONFIRM", "yes")
    clean.erase(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["family photos", "notes.txt"]


def test_nothing_is_erased_without_a_yes(tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").touch()
    ended = subprocess.run(
        [sys.executable, str(ROOT / "sovereign" / "setup"), "--clean-data"],
        input="no\n",
        capture_output=True,
        text=True,
        env={**os.environ, "SOVEREIGN_DATA_DIR": str(tmp_path), "CONFIRM": ""},
        check=False,
    )
    assert ended.returncode == 1
    assert (tmp_path / "db.sqlite3").exists()
