"""`agentctl plan` for people: what would be done, and how running Agents would fare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from agentctl_core import (
    Action,
    Create,
    Delete,
    EmitEvent,
    Patch,
    PatchStatus,
    Ref,
    Requeue,
    Resize,
    ResolveImage,
)
from agentctl_core.testing.preview import THIS, Preview, Replacement, Treatment, Upgrade, named_changes

from ._changes import told_change, told_value
from ._manifests import Json, objects, status_of
from ._output import printable, wrapped
from ._plan_changes import changes_of, name_of

_NAMES_SHOWN: Final = 5
_TREATMENTS: Final[Mapping[Treatment, str]] = {
    Treatment.RESTART: "restarted, although nothing was left to do about them: this must not be",
    Treatment.REFUSED: "accepted so far, and refused from now on; their pods are kept",
    Treatment.CHANGED: "changed in place; their pods go on",
    Treatment.LATER: "the same for now; their next pods will be others",
    Treatment.STATUS: "only told otherwise in their status",
    Treatment.UNDECIDED: "to be acted upon, but not for sure because of this version",
}


def plan_lines(previews: Sequence[Preview]) -> Iterator[str]:
    """Yield what would be done next, and a summary."""
    acted_upon = [told for told in previews if not told.is_settled]
    for told in acted_upon:
        yield f"Agent {name_of(told.manifest)}"
        for action in told.actions:
            yield from _indented(_action(action, told))
    settled = len(previews) - len(acted_upon)
    yield f"{_agents(len(previews))}: {len(acted_upon)} to act upon, {settled} with nothing to do"


def upgrade_lines(found: Sequence[Upgrade], not_running: int) -> Iterator[str]:
    """Yield how running Agents would be treated, those alike together, and a summary."""
    makers = Counter(each.made_by or "no version that they name" for each in found)
    if found:
        told = ", ".join(f"{printable(maker)} ({count})" for maker, count in sorted(makers.items()))
        yield from wrapped(f"{THIS}, with this configuration, for pods made by {told}:", "", "  ")
    for treatment, meaning in _TREATMENTS.items():
        alike = [each for each in found if each.treatment is treatment]
        if alike:
            yield from wrapped(f"{treatment.value} ({len(alike)}): {meaning}", "", "  ")
            for names, lines in _grouped(alike):
                yield f"  {names}"
                yield from _indented(lines, "    ")
    partial = sum(each.replacement is not None and not each.replacement.is_whole for each in found)
    if partial:
        yield from wrapped(
            f"{partial} of the pods came without managedFields (kubectl prints them with --show-managed-fields): "
            "what their next pods would not have any more is not told."
        )
    counts = Counter(each.treatment for each in found)
    summary = ", ".join(f"{counts[treatment]} {treatment.value}" for treatment in Treatment)
    yield from wrapped(f"{_agents(len(found), 'running ')}: {summary}; {not_running} without a running pod", "", "  ")


def _agents(count: int, kind: str = "") -> str:
    return f"{count} {kind}Agent{'' if count == 1 else 's'}"


def _indented(lines: Iterator[str] | Sequence[str], indent: str = "  ") -> Iterator[str]:
    return (f"{indent}{line}" for line in lines)


def _grouped(alike: Sequence[Upgrade]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield those of which the same is told together: one change of the configuration concerns many."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for each in alike:
        groups.setdefault(tuple(_upgrade(each)), []).append(name_of(each.preview.manifest))
    for lines, names in groups.items():
        more = len(names) - _NAMES_SHOWN
        yield ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else ""), lines


def _upgrade(each: Upgrade) -> Iterator[str]:
    if each.why is not None:
        yield printable(each.why)
    if each.treatment in (Treatment.RESTART, Treatment.CHANGED, Treatment.UNDECIDED):
        for action in each.preview.actions:
            if not isinstance(action, PatchStatus | EmitEvent | Requeue):
                yield from _action(action, each.preview)
    if each.replacement is not None and each.treatment is not Treatment.UNDECIDED:
        yield from _replacement(each.replacement)
    if each.status and each.treatment is not Treatment.UNDECIDED:
        yield from _status(each.preview)


def _replacement(replacement: Replacement) -> Iterator[str]:
    if replacement.block is not None:
        yield f"no next pod can be made as things stand: {printable(replacement.block)}"
    if replacement.changes:
        yield "the next pod:"
        yield from _indented([told_change(change) for change in replacement.changes])
    yield from map(printable, replacement.notes)


def _action(action: Action, told: Preview) -> Iterator[str]:
    """Yield an action: + what is made, - what is deleted, ~ what is changed."""
    match action:
        case Create(manifest):
            yield f"+ Create {_named(action.ref)}"
            yield from _indented(_containers(manifest), "    ")
        case Delete(ref):
            is_end = ref.kind in ("Pod", "Agent")
            why = f": {printable(told.why)}" if is_end and told.why is not None else ""
            yield f"- Delete {_named(ref)}{why}"
            if is_end and told.replacement is not None:
                yield from _indented(_replacement(told.replacement), "    ")
        case Patch(ref) | Resize(ref):
            yield f"~ {type(action).__name__} {_named(ref)}"
            yield from _indented([told_change(change) for change in changes_of(action, told)], "    ")
        case PatchStatus():
            yield from _status(told)
        case EmitEvent():
            yield f"! EmitEvent {action.type} {action.reason}: {printable(action.note)}"
        case ResolveImage(image):
            yield f"? ResolveImage {printable(image)}: what comes next depends on what its registry says"
        case Requeue(after):
            yield f"  Requeue: looks again in {after:g} s"


def _named(ref: Ref) -> str:
    return printable(str(ref))


def _containers(manifest: Json) -> Iterator[str]:
    """Yield what a new pod runs."""
    spec: Json = manifest["spec"] if manifest["kind"] == "Pod" else {}
    for container in (*objects(spec.get("initContainers")), *objects(spec.get("containers"))):
        command = f" runs {told_value(container['command'])}" if container.get("command") else ""
        yield f"{container['name']}: {printable(container['image'])}{command}"


def _status(told: Preview) -> Iterator[str]:
    for action in told.actions:
        if isinstance(action, PatchStatus):
            yield "~ PatchStatus"
            before = status_of(told.manifest)
            yield from _indented(_conditions(before, action.status), "    ")
            mine, theirs = ({k: v for k, v in s.items() if k != "conditions"} for s in (before, action.status))
            yield from _indented([told_change(change) for change in named_changes(mine, theirs)], "    ")


def _conditions(before: Json, after: Json) -> Iterator[str]:
    former, present = _by_type(before), _by_type(after)
    for kind, condition in present.items():
        was = former.get(kind)
        now, message = _verdict(condition), printable(str(condition.get("message")))
        if was is None:
            yield f"{kind}: {now}: {message}"
        elif _verdict(was) != now:
            yield f"{kind}: {_verdict(was)} -> {now}: {message}"
        elif was.get("message") != condition.get("message"):
            yield f"{kind}: {told_value(was.get('message'))} -> {told_value(condition.get('message'))}"
    yield from (f"{printable(kind)}: {_verdict(former[kind])} -> (nothing)" for kind in former if kind not in present)


def _by_type(status: Json) -> dict[str, Json]:
    return {str(item["type"]): item for item in objects(status.get("conditions")) if "type" in item}


def _verdict(condition: Json) -> str:
    return printable(f"{condition.get('status')} ({condition.get('reason')})")
