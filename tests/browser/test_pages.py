"""The pages of `simulate --html` and `replay --html` work for everybody, and reach nobody."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from click.testing import CliRunner
from playwright.sync_api import Browser, Page

from agentctl_core import Config, Observed, reconcile
from agentctl_core.testing.replay import Record, header_line, to_line
from agentctl_runtime.cli._group import agentctl
from agentctl_runtime.cli._page import Facts, Part, page
from agentctl_runtime.cli._picture import draw
from agentctl_runtime.cli._story import Entry, Tone
from tests.browser.axe import violations
from tests.browser.conftest import Opens

HELLO = Path(__file__).parents[2] / "examples" / "hello.yaml"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOSTILE = "\"'></svg></pre></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;"
NARROW: dict[str, Any] = {"viewport": {"width": 360, "height": 740}}
DARK: dict[str, Any] = {"color_scheme": "dark"}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("pages") / "simulated.html"
    faults = "conflict,pod-killed@30s,node-lost@1m,node-back@6m"
    result = CliRunner().invoke(agentctl, ["simulate", str(HELLO), "--faults", faults, "--html", str(file)])
    assert result.exit_code == 0, result.output
    return file


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    lines = [header_line(NOW)]
    for name in ("one", "two"):
        metadata = {"name": name, "namespace": "team", "uid": "u", "resourceVersion": "1"}
        manifest = {"apiVersion": "agentctl.dev/v1alpha1", "kind": "Agent", "metadata": metadata}
        manifest["spec"] = {"image": "example/agent", "command": ["run"]}
        observed = Observed(NOW)
        right = Record(manifest, observed, Config(), reconcile(manifest, observed))
        later = evolve(right, observed=Observed(NOW + timedelta(seconds=90)), actions=right.actions[1:])
        lines += [to_line(right), to_line(later)] if name == "one" else [to_line(right)]
    (folder / "record").write_bytes(b"".join(lines))
    file = folder / "replayed.html"
    result = CliRunner().invoke(agentctl, ["replay", str(folder / "record"), "--html", str(file)])
    assert result.exit_code == 1, result.output
    return file


def written(folder: Path, *entries: Entry, title: str = "default/demo") -> Path:
    file = folder / "page.html"
    facts = Facts("agentctl simulate", title, [("Faults", title)], title)
    file.write_text(page(facts, [Part(title, title, is_well=True, picture=draw(entries))]))
    return file


def focused(window: Page, attribute: str = "aria-label") -> str:
    return str(window.evaluate("name => document.activeElement.getAttribute(name)", attribute))


@pytest.mark.parametrize("kind", [{}, NARROW | DARK], ids=["wide, light", "narrow, dark"])
@pytest.mark.parametrize("name", ["simulated", "replayed"])
def test_nobody_is_kept_from_a_page(opened: Opens, request: pytest.FixtureRequest, name: str, kind: Any) -> None:
    with opened(request.getfixturevalue(name), **kind) as window:
        for summary in window.locator("summary").all()[:4]:
            summary.click()
        assert violations(window) == []


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_a_page_is_never_wider_than_its_window(opened: Opens, simulated: Path, width: int) -> None:
    with opened(simulated, viewport={"width": width, "height": 700}) as window:
        assert window.evaluate("document.documentElement.scrollWidth") == width
        assert window.evaluate("document.querySelector('.scroll').scrollWidth") > width
        sizes = window.evaluate(
            "[...document.querySelectorAll('.mark button')].map(b => b.getBoundingClientRect().width)"
        )
        assert min(sizes) >= 24


def test_a_keyboard_reaches_every_step_and_its_details(opened: Opens, simulated: Path) -> None:
    with opened(simulated) as window:
        window.keyboard.press("Tab")
        assert focused(window) == "0 s, operator: create Pod hello"
        window.keyboard.press("ArrowUp")
        assert focused(window).startswith("0 s, fault: conflict: ")
        window.keyboard.press("ArrowRight")
        assert focused(window).startswith("30 s, fault: pod-killed: ")
        window.keyboard.press("End")
        assert focused(window).startswith("6 m, fault: node-back: ")
        window.keyboard.press("ArrowRight")
        assert focused(window).startswith("6 m, fault: node-back: ")
        window.keyboard.press("Home")
        assert focused(window) == "0 s, you: applied Agent hello"
        window.keyboard.press("ArrowDown")
        assert focused(window) == "0 s, operator: create Pod hello"
        window.keyboard.press("ArrowUp")
        window.keyboard.press("ArrowDown")
        assert window.locator(".details pre").inner_text().startswith('{\n  "do": "Create"')
        outline = window.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid"
        window.keyboard.press("Enter")
        assert focused(window, "class") == "details"
        window.keyboard.press("Escape")
        assert focused(window) == "0 s, operator: create Pod hello"
        assert window.locator("[aria-current]").count() == 1
        assert window.locator("ol button[tabindex='0']").count() == 1


def test_every_step_is_reached_by_arrows_alone(opened: Opens, simulated: Path) -> None:
    with opened(simulated) as window:
        window.keyboard.press("Tab")
        seen = set()
        window.keyboard.press("ArrowUp")
        for lane in range(window.locator("ol.track").count()):
            window.keyboard.press("Home")
            for _ in range(window.locator("ol.track").nth(lane).locator("button").count()):
                seen.add(focused(window, "data-row"))
                window.keyboard.press("ArrowRight")
            window.keyboard.press("Home")
            window.keyboard.press("ArrowDown")
        assert len(seen) == window.locator("ol.track button").count()


def test_a_click_shows_the_step_in_words_and_in_the_table(opened: Opens, simulated: Path) -> None:
    with opened(simulated) as window:
        window.get_by_role("button", name="1 m, condition: Ready = False (NodeLost)").click()
        assert "node node-1 does not answer" in window.locator(".details .what").inner_text()
        assert "NodeLost" in window.locator("tr.chosen-row").inner_text()
        assert focused(window).startswith("1 m, condition: Ready")


def test_texts_stay_texts(opened: Opens, tmp_path: Path) -> None:
    entry = Entry(at=0, who="pod", what=HOSTILE, kind=HOSTILE, state=HOSTILE, detail={HOSTILE: HOSTILE})
    file = written(tmp_path, entry, evolve(entry, who="condition"), evolve(entry, who=HOSTILE), title=HOSTILE)
    with opened(file) as window:
        window.locator("ol button").first.click()
        assert window.locator("h1").inner_text() == HOSTILE
        assert window.locator(".details .what").inner_text() == HOSTILE
        assert window.locator("ol .text").first.inner_text() == HOSTILE
        assert window.locator("script, img").count() == 1


def test_a_page_may_reach_nobody(browser: Browser, simulated: Path) -> None:
    with browser.new_page() as window:
        window.goto(simulated.as_uri())
        tried = """async () => {
            const image = new Image();
            const seen = [];
            document.addEventListener("securitypolicyviolation", (event) => seen.push(event.effectiveDirective));
            image.src = "http://127.0.0.1:9/x.png";
            document.body.append(image);
            await fetch("http://127.0.0.1:9/").catch(() => null);
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
            await new Promise((resolve) => setTimeout(resolve, 100));
            return [seen.sort(), window.ran === true];
        }"""
        assert window.evaluate(tried) == [["connect-src", "img-src", "script-src-elem"], False]


def test_without_scripts_all_of_it_can_be_read(opened: Opens, simulated: Path) -> None:
    with opened(simulated, java_script_enabled=False) as window:
        row = window.locator("tbody tr", has_text="create Pod hello").first
        row.locator("summary").click()
        assert '"do": "Create"' in row.locator("pre").inner_text()


def test_on_paper_the_whole_timeline_is_there(opened: Opens, simulated: Path) -> None:
    with opened(simulated, viewport={"width": 1000, "height": 900}) as window:
        window.emulate_media(media="print")
        assert window.evaluate("document.querySelector('.canvas').getBoundingClientRect().width") <= 1000
        assert not window.locator(".details").is_visible()


def test_who_wants_no_motion_gets_none(opened: Opens, simulated: Path) -> None:
    moves = "getComputedStyle(document.querySelector('ol button')).transitionDuration"
    with opened(simulated, reduced_motion="reduce") as window:
        assert window.evaluate(moves) == "0s"
    with opened(simulated, reduced_motion="no-preference") as window:
        assert window.evaluate(moves) != "0s"


def test_ten_thousand_steps_stay_usable(opened: Opens, tmp_path: Path) -> None:
    detail = {"status": "x" * 400}
    steps = [
        Entry(at=n, who="condition", kind="Ready", what=f"step {n}", state=f"True: R{n}", tone=Tone.GOOD, detail=detail)
        for n in range(10_000)
    ]
    file = written(tmp_path, *steps)
    assert file.stat().st_size < 3_000_000
    begin = time.monotonic()
    with opened(file) as window:
        assert time.monotonic() - begin < 10
        told = window.locator("main .note").inner_text()
        assert told == "8,999 of 10,000 steps are left out, from 11 m 40 s to 2 h 41 m 40 s."
        window.keyboard.press("Tab")
        window.keyboard.press("End")
        begin = time.monotonic()
        for _ in range(10):
            window.keyboard.press("ArrowLeft")
        assert time.monotonic() - begin < 5
        assert focused(window).startswith("2 h 46 m 29 s, condition: step 9989")
