"""The built wheel, in clean environments, with the sources out of reach."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(command, cwd=ROOT, check=True)
    return next(target.glob("*.whl"))


def _environment(folder: Path, *installs: list[str]) -> Path:
    venv.create(folder, with_pip=True)
    for arguments in installs:
        subprocess.run([folder / "bin/pip", "install", "--quiet", *arguments], cwd=folder, check=True)
    return folder / "bin"


@pytest.fixture(scope="session")
def core(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    constraints = _unhashed(tmp_path_factory.mktemp("constraints") / "constraints.txt", "operator")
    return _environment(tmp_path_factory.mktemp("core"), ["--constraint", str(constraints), str(wheel)])


@pytest.fixture(scope="session")
def testing(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    constraints = _unhashed(tmp_path_factory.mktemp("constraints") / "constraints.txt", "dev")
    extra = ["--constraint", str(constraints), f"{wheel}[testing]"]
    return _environment(tmp_path_factory.mktemp("testing"), extra)


@pytest.fixture(scope="session")
def operator(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    requirements = ["--require-hashes", "--requirement", str(ROOT / "requirements/operator.txt")]
    # The second one fetches nothing: what the extra needs is all in the lock.
    return _environment(tmp_path_factory.mktemp("operator"), requirements, ["--no-index", f"{wheel}[operator]"])


def _unhashed(target: Path, lock: str) -> Path:
    # A local wheel has no hash in the lock; its dependencies keep the locked versions as constraints.
    lines = (ROOT / f"requirements/{lock}.txt").read_text().splitlines()
    target.write_text("\n".join(line.rstrip(" \\") for line in lines if "==" in line))
    return target


def _run(*command: Path | str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)


def test_the_core_alone_needs_attrs_alone(core: Path) -> None:
    listed = _run(core / "pip", "list", "--format=freeze").stdout
    names = {line.partition("==")[0] for line in listed.split()}
    assert names - {"pip", "setuptools"} == {"agentctl", "attrs"}
    code = "import agentctl_core, agentctl_core.crd, agentctl_core.testing; print(agentctl_core.__file__)"
    done = _run(core / "python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert str(ROOT) not in done.stdout


def test_the_command_without_its_extra_says_what_to_install(core: Path) -> None:
    done = _run(core / "agentctl", "run")
    assert done.returncode == 78
    assert "pip install 'agentctl[operator]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_uvx_runs_the_command_from_the_wheel(wheel: Path, tmp_path: Path) -> None:
    constraints = _unhashed(tmp_path / "constraints.txt", "operator")
    uvx = Path(sys.executable).with_name("uvx")
    started = _run(uvx, "--constraints", constraints, "--from", f"{wheel}[operator]", "agentctl", "--help")
    assert started.returncode == 0, started.stderr
    assert "Usage: agentctl" in started.stdout


def test_the_typing_marker_and_the_licence_are_in_the_wheel(core: Path) -> None:
    code = (
        "import agentctl_core, importlib.metadata as m, pathlib;"
        "print((pathlib.Path(agentctl_core.__file__).parent / 'py.typed').exists(),"
        " m.metadata('agentctl')['License-Expression'])"
    )
    assert _run(core / "python", "-c", code).stdout.split() == ["True", "Apache-2.0"]


def test_the_demo_runs_from_the_wheel(operator: Path) -> None:
    done = _run(operator / "agentctl", "demo", str(ROOT / "examples/hello.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "its pod is gone" in done.stdout


def test_a_page_is_drawn_from_the_wheel(operator: Path) -> None:
    done = _run(operator / "agentctl", "simulate", str(ROOT / "examples/hello.yaml"), "--html", "-")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("<!doctype html>")


def test_the_crd_of_the_wheel_is_that_of_the_sources(operator: Path) -> None:
    done = _run(operator / "agentctl", "crd")
    assert done.stdout == (ROOT / "crds/agents.yaml").read_text()


def test_the_conformance_suite_runs_from_the_wheel_and_tells_a_wrapper_from_none(testing: Path) -> None:
    # What env starts takes its place, so that it is as good as a wrapper here.
    suite = ["-p", "agentctl_conformance.plugin", "--pyargs", "agentctl_conformance", "-p", "no:cacheprovider"]
    chosen = ["-k", "sees_nothing or exit_codes or signals_reach"]
    kept = _run(testing / "python", "-m", "pytest", *suite, "--wrapper-command=/usr/bin/env", *chosen)
    assert "3 passed, 6 deselected" in kept.stdout, kept.stdout + kept.stderr
    broken = _run(testing / "python", "-m", "pytest", *suite, "--wrapper-command=/usr/bin/nice -n 1", *chosen)
    assert "1 failed, 2 passed, 6 deselected" in broken.stdout, broken.stdout + broken.stderr
    unnamed = _run(testing / "python", "-m", "pytest", *suite)
    assert "name the wrapper with --wrapper-command" in unnamed.stdout
