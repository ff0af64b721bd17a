"""Pictures as one HTML page: self-contained, for keyboards, narrow screens, screen readers and printers too."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Final

from attrs import frozen

from ._picture import Lane, Picture, Step
from ._story import Entry, Tone
from ._times import length_in_words

MOST_DETAIL: Final = 20_000
MOST_DETAILS: Final = 1_500_000
"""Characters of JSON that one step, and all of a page together, may bring."""
_UNIT: Final = 36
"""How many pixels wide a unit of a picture is at least."""


@frozen(unsafe_hash=False)
class Part:
    """A picture on a page, with its heading, and what is said of it in a few words."""

    title: str
    told: str
    is_well: bool
    picture: Picture


@frozen(unsafe_hash=False)
class Facts:
    """What stands at the top of a page: the command, what is to be known, by name, and what is left out."""

    command: str
    title: str
    table: Sequence[tuple[str, str]]
    left_out: str = ""


def page(facts: Facts, parts: Sequence[Part]) -> str:
    """Return a page with these pictures. Whatever text it is given stays text; the same gives the same page."""
    style = _file("page.css") + "".join(_rules(number, part.picture) for number, part in enumerate(parts))
    script = _file("page.js")
    policy = f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'"
    budget = _Budget(MOST_DETAILS)
    body = "\n".join(_part(number, part, budget) for number, part in enumerate(parts))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="referrer" content="no-referrer">
<title>{escape(facts.title)} · {escape(facts.command)}</title>
<style>{style}</style>
</head>
<body>
{_file("icons.svg")}
<header class="top">
<p class="command">{escape(facts.command)}</p>
<h1>{escape(facts.title)}</h1>
<dl class="facts">{"".join(_fact(*fact) for fact in facts.table)}</dl>
{_note(facts.left_out)}
</header>
<main>
{body}
</main>
<script>{script}</script>
</body>
</html>
"""


class _Budget:
    """How many characters of details may still come."""

    def __init__(self, left: int) -> None:
        self._left = left

    def cut(self, text: str) -> str:
        """Return the text, or as much of it as is shown, and that it is not all."""
        most = min(MOST_DETAIL, self._left)
        self._left -= min(len(text), most)
        if len(text) <= most:
            return text
        return f"{text[:most]}\n... {len(text) - most:,} more characters are left out: -o json has them"


@cache
def _file(name: str) -> str:
    return (files("agentctl_runtime.cli") / "page" / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _rules(number: int, picture: Picture) -> str:
    """Return where everything stands. Styles of elements would need a policy that allows any."""
    rules = [f"#p{number}{{min-width:{round(picture.width * _UNIT)}px}}\n"]
    for tick, each in enumerate(picture.ticks):
        rules.append(f"#p{number}t{tick},#p{number}v{tick}{{left:{_share(each.left, picture)}}}\n")
    for lane in picture.lanes:
        for step in lane.steps:
            width = f";width:{_share(step.right - step.left, picture)}" if step.entry.state else ""
            rules.append(f"#p{number}s{step.number}{{left:{_share(step.left, picture)}{width}}}\n")
    if picture.gap is not None:
        left, right = picture.gap
        rules.append(f"#p{number}gap{{left:{_share(left, picture)};width:{_share(right - left, picture)}}}\n")
    return "".join(rules)


def _share(units: float, picture: Picture) -> str:
    return f"{100 * units / picture.width:.3f}%"


def _fact(name: str, value: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>' if text else ""


def _part(number: int, part: Part, budget: _Budget) -> str:
    picture = part.picture
    name = f"p{number}"
    ticks = "".join(
        f'<span class="tick" id="{name}t{n}">{escape(t.text)}</span>' for n, t in enumerate(picture.ticks) if t.text
    )
    veil = "".join(
        f'<div class="line{" struck" if t.is_fault else ""}" id="{name}v{n}"></div>'
        for n, t in enumerate(picture.ticks)
    )
    veil += "" if picture.gap is None else f'<div class="gap" id="{name}gap"></div>'
    lanes = "\n".join(_lane(name, lane) for lane in picture.lanes)
    rows = "\n".join(_row(name, step, budget) for step in picture.steps)
    tone = "good" if part.is_well else "bad"
    title = escape(part.title)
    return f"""<section class="part" aria-labelledby="{name}h">
<div class="head"><h2 id="{name}h">{title}</h2>
<p class="verdict {tone}">{_icon(tone)}<span>{escape(part.told)}</span></p></div>
<p class="hint" id="{name}k">Arrow keys go from step to step, <kbd>Home</kbd> and <kbd>End</kbd> to the first and last
of a lane, <kbd>Enter</kbd> to its details and <kbd>Esc</kbd> back. Waits are drawn shorter than they are.</p>
{_note(picture.left_out)}
<div class="scroll" role="group" aria-label="Timeline of {title}" aria-describedby="{name}k">
<div class="canvas" id="{name}">
<div class="lane axis" aria-hidden="true"><span class="name"></span><div class="track">{ticks}</div></div>
<div class="lane veil" aria-hidden="true"><span class="name"></span><div class="track">{veil}</div></div>
{lanes}
</div>
</div>
{_legend(picture)}
<div class="below">
<section class="details" aria-label="Details of {title}" tabindex="0"><h3>Details</h3>
<div class="chosen"><p>Choose a step above.</p></div></section>
<section class="all" aria-label="All steps of {title}"><h3>All steps</h3>
<table><thead><tr><th scope="col">Time</th><th scope="col">Who</th><th scope="col">What</th></tr></thead>
<tbody>
{rows}
</tbody></table></section>
</div>
</section>"""


def _lane(name: str, lane: Lane) -> str:
    steps = "\n".join(_step(name, step) for step in lane.steps)
    title = escape(lane.name)
    return f"""<div class="lane" role="group" aria-label="{title}"><span class="name" aria-hidden="true">{title}</span>
<ol class="track">
{steps}
</ol></div>"""


def _step(name: str, step: Step) -> str:
    entry = step.entry
    is_bar = bool(entry.state)
    icon = _icon(_icon_of(entry))
    text = f'<span class="text">{escape(entry.state or "")}</span>' if is_bar else ""
    label = f"{length_in_words(entry.at)}, {entry.who}: {entry.what}"
    if step.until is not None:
        label += f" Until {length_in_words(step.until)}."
    kinds = f"{'bar' if is_bar else 'mark'} {entry.tone.value} {escape(entry.who)}"
    told = f'aria-label="{escape(label)}" title="{escape(entry.what)}"'
    return (
        f'<li id="{name}s{step.number}" class="{kinds}">'
        f'<button type="button" data-row="{name}r{step.number}" {told}>{icon}{text}</button></li>'
    )


def _row(name: str, step: Step, budget: _Budget) -> str:
    entry = step.entry
    detail = ""
    if entry.detail is not None:
        text = budget.cut(json.dumps(entry.detail, indent=2, ensure_ascii=False))
        detail = f"<details><summary>JSON</summary><pre>{escape(text)}</pre></details>"
    return (
        f'<tr id="{name}r{step.number}" class="{entry.tone.value}"><td>{length_in_words(entry.at)}</td>'
        f"<td>{_icon(_icon_of(entry))} {escape(entry.who)}</td>"
        f'<td><div class="cell"><span class="what">{escape(entry.what)}</span>{detail}</div></td></tr>'
    )


def _icon_of(entry: Entry) -> str:
    if entry.who in ("pod", "condition"):
        return entry.tone.value
    return entry.kind if entry.kind in _ACTIONS else entry.who


def _icon(name: str) -> str:
    return f'<svg class="icon" aria-hidden="true"><use href="#i-{escape(name)}"/></svg>'


def _legend(picture: Picture) -> str:
    found = {_icon_of(step.entry) for step in picture.steps}
    shown = [(name, text) for name, text in (*_TONES.items(), *_ACTIONS.items(), *_WHO.items()) if name in found]
    items = "".join(f'<li class="{name}"><span class="sample">{_icon(name)}</span>{text}</li>' for name, text in shown)
    return f'<ul class="legend" aria-label="Signs">{items}</ul>'


_TONES: Final = {
    Tone.GOOD.value: "as it should be",
    Tone.WAITING.value: "on its way",
    Tone.BAD.value: "not as it should be",
    Tone.PLAIN.value: "neither good nor bad",
}
_ACTIONS: Final = {
    "Create": "create",
    "Delete": "delete",
    "Patch": "change",
    "Resize": "resize",
    "PatchStatus": "write the status",
    "EmitEvent": "emit an event",
    "ResolveImage": "ask the registry",
    "Requeue": "look again later",
}
_WHO: Final = {
    "registry": "the registry answers",
    "you": "its user",
    "fault": "a fault",
    "replay": "decided otherwise now",
}
