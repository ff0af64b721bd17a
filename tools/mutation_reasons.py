"""Why mutants of the core survive, told for each that does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

CAST: Final = "The type that `cast` is given is for the type checker alone; at run time it is not looked at."
_CAST_TO: Final = r'\bcast\((?:None|"[^"]*"), '
NO_KEY: Final = "Nothing is looked up by the empty text, nor by the mutant's: both find nothing."
UTF_8: Final = "Another name of the same encoding."
UNICODE: Final = "A condition's message is Unicode already, so there is nothing to replace or to leave out."
GUARD: Final = "A guard for the type checker: what it asks for is never the case there."
EDGE: Final = "The exact edge of a bound that only has to be somewhere."
NO_CLASH: Final = "It is told where two features ask for the same, which no two do here so far."
FASTER: Final = "A quick way to the same result."

REASONS: Final[Sequence[tuple[str, str, str, str]]] = (
    # module, function, what the change looks like (regular expressions that match the whole), reason
    ("_pod_state", "ended|ending", r'.*or "XXXX".*', NO_KEY),
    ("_events", "_event", r'.*encode\("UTF-8".*|.*decode\("UTF-8".*', UTF_8),
    ("_events", "_event", r".*encode\(.*", UNICODE),
    ("host", "_segment", r'.*encode\("UTF-8".*', UTF_8),
    ("host", "failure_of", r'.*or "XXXX".*', "Neither text says that a webhook failed."),
    ("host", "request_for", r".*- case Requeue.*", "What comes after the last case is nothing too."),
    ("_events", "_worth_telling", r".*- case _:.*", "What comes after the last case is nothing too."),
    ("_image", "ImageConfig.to_json", r".*ensure_ascii=True.*", "It is json's default; said here since it matters."),
    ("_image", "_fits", r'.*"XXXX".*', "A platform without an architecture fits no architecture that is asked for."),
    ("_change", "_metadata_patch", r".*labels\(None\).*", "Only the keys of those labels are used."),
    ("_change", "_removed", r".*rpartition.*", "`limits.cpu` has one dot, and so have all that are remembered."),
    (
        "_status",
        "_pod_up_to_date",
        r".*_is_replaced\(situation, None\).*",
        "A block has been answered a few lines before.",
    ),
    (
        "_status",
        "_backing_off",
        r".*(failure is None and|_NEXT).*",
        GUARD + " Who backs off has failed, and knows until when.",
    ),
    (
        "_status",
        "_ready",
        r".*The pod does not exist yet.*",
        "A verdict that no status has: the pod is made in the same plan.",
    ),
    (
        "_status",
        "_ready",
        r".*readiness\(pod, None\).*",
        "The time matters for a pod that is being deleted alone; this one has ended.",
    ),
    ("_reconcile", "_make", r".*", GUARD + " Who wants to run has been accepted."),
    ("_run", "follow", r".*\+ was_finished = history.*", "An end may be forgotten there, but none comes up."),
    ("_run", "_due", r".*- 1, 11\).*", "The wait is cut to 5 minutes long before that."),
    ("_revision", "_field_of", r".*_NO_DEFAULT.*", "A value that was parsed is never null."),
    ("_wording", "_meant", r".*get_close_matches.*", "The closest is taken, however many there are."),
    ("_wording", "printable", r".*isprintable\(\)\) and False.*", FASTER),
    ("_wording", "required", r'.*"enum", (None)?\).*', "Nothing to choose from, in either case."),
    ("_wording", "outside", r".*value <= low.*", "Only what is outside is told, so it is never the bound itself."),
    ("_wording", "_either", r".*names\[2:\].*", "Two names are joined alike in both ways."),
    ("_wording", "_cure", r".*case _.*", "A match without a case for it comes to the same None."),
    (
        "_objects",
        "_is_headless",
        r'.*!= "None".*',
        "What is compared is whether both are, which is the same for both being not.",
    ),
    ("_objects", "_released", r'.*"(XXspecXX|SPEC)".*', "Who reads the claim's spec makes do without."),
    ("_objects", "_leftovers", r".*kind is None and name.*", "What has no kind is of no kind that is left over."),
    ("_pod", "complete", r".*or True.*", "An image's command is asked for where a wrapper stands before it."),
    (
        "_identity",
        "ownership",
        r".*rpartition.*",
        "An apiVersion has one slash at the most; one without is not ours in either case.",
    ),
    ("_identity", "ownership", r'.*or "XXXX".*', "Not the Agent's group in either case."),
    ("_resolve", "_of_pod", r".*<= _LONGEST.*", EDGE),
    ("_applied", "read_applied", r'.*said = "".*', "A text has no fields, as null has none."),
    ("_conditions", "with_times", r'.*"XXXX".*', "No time, as the empty text is none."),
    (
        "_containers",
        "_find_port_clashes",
        r'.*port\.get\("protocol", .*',
        "The schema's default has made it TCP already.",
    ),
    ("_containers", "_find_port_clashes", r".*Item\(path, .*", "Only the path of the first is told."),
    (
        "_json",
        "same_json|dig|dig_list|copy_json|reach",
        r".*type\(None\).*|.*object = None.*|.*kind is list and.*",
        FASTER,
    ),
    ("_json", "copy_json", r".*_SCALARS\) and False.*", FASTER),
    ("_json", "digest", r".*ensure_ascii=True.*", "It is json's default; said here since it matters."),
    ("_json", "digest", r'.*encode\("ASCII"\).*', UTF_8),
    ("_schema", "_Compiler._object", r".*type\(None\).*|.*len\(parts\) >= 1.*", FASTER),
    (
        "_schema",
        "_Compiler._object",
        r".*defaults are scalars.*",
        "For whoever writes a schema; what is raised is tested.",
    ),
    ("_schema", "_string", r'.*"enum", (None)?\).*', "Nothing to choose from, in either case."),
    ("_schema", "_string", r".*takes_any.*", FASTER),
    ("_agent", "schema_of", r".*describe.*", "Descriptions are for the CRD, which asks for them itself."),
    ("_agent", "schema_of", r'.*"RULES", None.*', "No rules, in either case."),
    ("_agent", "_check_name", r'.*return "XXXX".*', "The problem is raised before the name is used."),
    ("_situation", "find_refusal", r'.*or "XXXX".*', NO_KEY),
    ("_schema", "_check_known", r".*(is_known = |count = None).*", FASTER),
    ("_schema", "_array", r'.*list-map-keys", (None)?\).*', "No keys, in either case."),
    ("_schema", "_find_duplicates", r".*strict.*", "Both have one value for each key."),
    ("_schema", "_integer", r'.*"x-literal", (None)?\).*', "As false as False."),
    ("_conditions", "_shortened", r'.*"UTF-8".*', UTF_8),
    ("_contribution", "named", r'.*"(XXnameXX|NAME)".*', "The name is laid over the one that is left in."),
    ("_resolve", "resolved_status", r".*or True.*", "Nothing is remembered of no image."),
    ("_situation", "assess", r'.*"PODS/RESIZE".*', "The kind is compared in small letters."),
    ("_agent", "_check_name", r".*strip\(.*", "The whole has to match, with or without the pattern's own ends."),
    ("_revision", "revision", r'.*pop\("spec", \).*', "A template of a claim has a spec, by the schema."),
    ("_situation", "assess", r'.*find_refusal\(observed, "(pod|POD)".*', "The kind is compared in small letters."),
    ("_situation", "assess", r".*agent is None and.*", GUARD + " An Agent that is accepted has been rendered."),
    ("_situation", "assess", r".*\(pod is None\) or True.*", "Who reads it asks first whether there is a pod."),
    (
        "_reconcile",
        "decide",
        r".*made.pod is not None or .*",
        "Of two pods of a name the one that was there is found first.",
    ),
    ("_containers", "place_of", r".*_USUAL_LENGTH.*", FASTER),
    ("_pod", "render|_containers|_pod_spec", r'.*"(object|field|XXobjectXX|OBJECT|XXfieldXX|FIELD)".*', NO_CLASH),
    ("_pod", "render", r".*, None\).*", "Only whether two have the same name is asked."),
    ("_pod", "_containers", r".*Item\(c.path, c.name, None\).*", "Only whether two have the same name is asked."),
    ("_pod", "_only", r".*dict\[str, Any\].*", GUARD + " One feature gives it, always."),
    (r"features\.(container|files|pod_template|service)", "contribute", r".*(Item|Object)\(.*", NO_CLASH),
    (r"features\.wrapper", "contribute", r".*CommandPrefix\(None.*", "A command's path is told in no message so far."),
    (r"features\.files", "_misplaced", r".*range\(len\(parts\)\).*", "No file has the empty path."),
    (
        "crd",
        "agent_schema",
        r".*_expand\(_STATUS, None\).*",
        "The status has no embedded types, which are what is told once.",
    ),
    (
        "crd",
        "_expand",
        r'.*"XXXX".*',
        "No documentation is found by a name with that in front, as none is by the bare name.",
    ),
)


def reason_of(module: str, function: str, changes: Sequence[str]) -> str | None:
    """Return why a mutant survives; None where nobody knows.

    Args:
        module: `_pod`, `features.files`.
        function: the mutated function or method.
        changes: the lines that it takes out and puts in, with - and +.
    """
    before, after = ("".join(line[1:] for line in changes if line.startswith(sign)) for sign in "-+")
    if re.sub(_CAST_TO, "cast(", before) == re.sub(_CAST_TO, "cast(", after):
        return CAST
    text = "\n".join(changes)
    for in_module, in_function, change, reason in REASONS:
        if (
            re.fullmatch(in_module or ".*", module)
            and re.fullmatch(in_function or ".*", function)
            and re.fullmatch(change, text, re.DOTALL)
        ):
            return reason
    return None
