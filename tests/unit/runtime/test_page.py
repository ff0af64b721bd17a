"""A page is text, the same each time, and asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import re

from agentctl_runtime.cli._page import MOST_DETAIL, MOST_DETAILS, Facts, Part, page
from agentctl_runtime.cli._picture import draw
from agentctl_runtime.cli._story import Entry, Tone

FACTS = Facts("agentctl simulate", "default/demo", [("Faults", "none")])


def written(*entries: Entry, facts: Facts = FACTS) -> str:
    return page(facts, [Part("Timeline", "it came through", is_well=True, picture=draw(entries))])


def mark(what: str = "create Pod demo", detail: object = None, kind: str = "Create") -> Entry:
    return Entry(at=0, who="operator", what=what, kind=kind, detail=None if detail is None else {"it": detail})


def test_the_same_story_gives_the_same_page() -> None:
    assert written(mark(), mark()) == written(mark(), mark())


def test_its_policy_allows_its_own_style_and_script_alone() -> None:
    html = written(mark())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    for name in ("style", "script"):
        (content,) = re.findall(rf"<{name}>(.*?)</{name}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src &#x27;sha256-{digest}&#x27;" in policy
    assert "default-src &#x27;none&#x27;" in policy
    assert not re.search(r'(src|href)="(?!#)|https?:|url\(|@import| style="| on[a-z]+="', html)


def test_every_text_is_escaped() -> None:
    bad = "<b>\"'&"
    entry = Entry(at=0, who=bad, what=bad, kind=bad, state=bad, detail={bad: bad})
    html = page(Facts(bad, bad, [(bad, bad)], bad), [Part(bad, bad, is_well=False, picture=draw([entry]))])
    assert "<b>" not in html
    assert html.count("&lt;b&gt;&quot;&#x27;&amp;") > 10


def test_details_are_cut_where_they_are_long_and_where_they_are_many() -> None:
    html = written(mark(detail="x" * (MOST_DETAIL + 100)))
    assert re.search(r"\n\.\.\. 1\d\d more characters are left out: -o json has them", html)
    many = [mark(detail="x" * (MOST_DETAIL - 100)) for _ in range(100)]
    assert len(written(*many)) < MOST_DETAILS + 200_000


def test_signs_are_explained_and_those_that_are_not_there_are_not() -> None:
    html = written(mark(), Entry(at=1, who="condition", kind="Ready", what="", state="True (PodReady)", tone=Tone.GOOD))
    legend = re.findall(r"</span>([a-z ]+)</li>", html)
    assert legend == ["as it should be", "create"]
    used = set(re.findall(r'href="#(i-[A-Za-z]+)"', html))
    assert used <= set(re.findall(r'<symbol id="(i-[A-Za-z]+)"', html))


def test_every_sign_there_may_be_is_drawn() -> None:
    kinds = ("Create", "Delete", "Patch", "Resize", "PatchStatus", "EmitEvent", "ResolveImage", "Requeue")
    entries = [mark(kind=kind) for kind in kinds]
    entries += [Entry(at=0, who=who, what="") for who in ("you", "fault", "registry", "replay")]
    entries += [Entry(at=0, who="condition", what="", kind=tone.name, state="x", tone=tone) for tone in Tone]
    html = written(*entries)
    used = set(re.findall(r'href="#(i-[A-Za-z]+)"', html))
    assert used == set(re.findall(r'<symbol id="(i-[A-Za-z]+)"', html))
    assert len(re.findall('class="sample"', html)) == len(used)
