"""The cache: the newest version wins, whoever is concerned is told, and nothing that is gone comes back."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agentctl_core import AGENT_LABEL, API_VERSION, KIND, project
from agentctl_runtime._key import Key
from agentctl_runtime._queue import Priority
from agentctl_runtime._store import Cache, Feed, Held, Manifest, agents_of_agent, agents_of_dependent, key_of

A = Key("n", "a")
WRITER = Key("n", "writer")


def pod(  # noqa: PLR0913 -- what tests tell pods apart by
    name: str = "a", version: int = 1, *, uid: str = "u", namespace: str = "n", agent: str = "", owner: str = ""
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "namespace": namespace, "uid": uid, "resourceVersion": str(version)}
    if agent:
        metadata["labels"] = {AGENT_LABEL: agent}
    if owner:
        metadata["ownerReferences"] = [{"apiVersion": API_VERSION, "kind": KIND, "name": owner}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def listed(feed: Feed, version: str, *objects: Manifest) -> None:
    """Feed a list."""
    feed.replace([feed.keep(item) for item in objects], version)


class Pods:
    """A cache of pods that keeps whom it told."""

    def __init__(self) -> None:
        self._told: list[str] = []
        self.priorities: list[Priority] = []
        self.cache = Cache(agents_of_dependent, self._tell)
        self.feed = self.cache.feed(None)

    def _tell(self, key: Key, priority: Priority) -> None:
        self._told.append(str(key))
        self.priorities.append(priority)

    def list_(self, version: str, *objects: Manifest) -> None:
        listed(self.feed, version, *objects)

    def held(self) -> dict[str, Manifest]:
        """Return what is there, by name."""
        return {item["metadata"]["name"]: item for item in self.cache.all()}

    def told(self) -> list[str]:
        """Return who was told since the last call."""
        told, self._told[:] = list(self._told), []
        return told

    def names(self) -> set[str]:
        return {str(key_of(item)) for item in self.cache.all()}


def test_the_newest_version_wins_whichever_way_it_comes() -> None:
    pods = Pods()
    pods.feed.apply("ADDED", pod(version=5))
    pods.feed.apply("MODIFIED", pod(version=4))
    pods.cache.learn(pod(version=3), WRITER)
    assert pods.cache.get(Key("n", "a")) == pod(version=5)
    pods.cache.learn(pod(version=10), WRITER)
    pods.feed.apply("MODIFIED", pod(version=9))
    assert pods.cache.get(Key("n", "a")) == pod(version=10)
    assert pods.cache.get(Key("n", "a")) == pod(version=10)


def whole(version: int) -> dict[str, Any]:
    """Return a pod as API servers return it."""
    manifest = pod(version=version, agent="b", owner="c")
    manifest["metadata"]["managedFields"] = [{"manager": "kubelet", "fieldsV1": {"f:status": {}}}]
    return manifest | {"spec": {"nodeName": "n", "containers": [{"name": "agent", "env": [{"name": "A"}]}]}}


def test_what_is_held_of_an_object_is_what_decides_whichever_way_it_came() -> None:
    ways = {"list": Pods(), "watch": Pods(), "answer": Pods()}
    ways["list"].list_("7", whole(7))
    ways["watch"].feed.apply("ADDED", whole(7))
    ways["answer"].cache.learn(whole(7), WRITER)
    for pods in ways.values():
        assert pods.held() == {"a": project(whole(7))}
        assert pods.held() != {"a": whole(7)}
        assert [str(key) for key in map(key_of, pods.cache.of(Key("n", "c")))] == ["n/a"]


def test_nobody_can_change_what_is_held() -> None:
    pods = Pods()
    given = whole(7)
    pods.feed.apply("ADDED", given)
    got, (listed_, *_), (found,) = pods.cache.get(A), pods.cache.all(), pods.cache.of(A)
    for manifest in (given, got, listed_, found):
        assert manifest is not None
        manifest["spec"]["containers"].clear()
        manifest["metadata"]["labels"]["b"] = "x"
    assert pods.cache.get(A) == project(whole(7))


def test_a_list_of_what_is_known_tells_nobody() -> None:
    pods = Pods()
    pods.feed.apply("ADDED", whole(7))
    pods.told()
    pods.list_("9", whole(7))
    assert pods.told() == []


def test_versions_are_numbers_and_not_text() -> None:
    pods = Pods()
    pods.feed.apply("ADDED", pod(version=9))
    pods.feed.apply("MODIFIED", pod(version=10))
    assert pods.cache.get(Key("n", "a")) == pod(version=10)


def test_our_own_echo_tells_nobody() -> None:
    pods = Pods()
    pods.cache.learn(pod("writer", 5), WRITER)
    pods.feed.apply("ADDED", pod("writer", 5))
    pods.list_("6", pod("writer", 5))
    assert pods.told() == []
    pods.feed.apply("MODIFIED", pod("writer", 7))
    assert pods.told() == ["n/writer"]


def test_an_answer_tells_everyone_it_concerns_but_the_writer() -> None:
    pods = Pods()
    pods.feed.apply("ADDED", pod("writer", 1, agent="former"))
    pods.told()
    pods.cache.learn(pod("writer", 5, uid="v", agent="other"), WRITER)
    assert pods.told() == ["n/former", "n/other"]


def test_an_answer_that_comes_after_the_deletion_brings_nothing_back() -> None:
    pods = Pods()
    pods.feed.apply("ADDED", pod(version=5))
    pods.feed.apply("DELETED", pod(version=7))
    pods.cache.learn(pod(version=6), WRITER)
    assert len(pods.cache) == 0
    assert pods.told() == ["n/a", "n/a"]


def test_an_answer_that_comes_after_a_list_without_the_object_brings_nothing_back() -> None:
    """Created at 6 and deleted at 7, while nobody watched: no event will ever tell."""
    pods = Pods()
    pods.list_("8")
    pods.cache.learn(pod(version=6), WRITER)
    assert len(pods.cache) == 0


def test_an_object_that_left_the_selection_and_is_back_can_be_learned_again() -> None:
    pods = Pods()
    pods.feed.apply("DELETED", pod(version=5))
    pods.cache.learn(pod(version=6), WRITER)
    assert pods.names() == {"n/a"}


def test_a_deletion_in_the_gap_is_seen_at_the_next_list() -> None:
    pods = Pods()
    pods.list_("3", pod("a", 1), pod("b", 2))
    pods.told()
    pods.list_("9", pod("b", 2))
    assert pods.names() == {"n/b"}
    assert pods.told() == ["n/a"]


def test_a_list_is_the_whole_truth_and_what_is_ahead_of_it_comes_with_the_watch() -> None:
    pods = Pods()
    pods.list_("5")
    pods.cache.learn(pod(version=7), WRITER)
    pods.list_("6")
    assert pods.names() == set()
    pods.feed.apply("ADDED", pod(version=7))
    assert pods.names() == {"n/a"}


def test_an_echo_that_comes_before_its_answer_is_no_news() -> None:
    pods = Pods()
    with pods.cache.writing(A, A):
        pods.feed.apply("ADDED", pod(version=7))
        pods.cache.learn(pod(version=7), A)
    assert pods.told() == []
    pods.feed.apply("MODIFIED", pod(version=8))
    assert pods.told() == ["n/a"]


def test_what_follows_the_echo_is_told_once_the_answer_is_there() -> None:
    pods = Pods()
    with pods.cache.writing(A, A):
        pods.feed.apply("ADDED", pod(version=7))
        pods.feed.apply("MODIFIED", pod(version=8))
        pods.cache.learn(pod(version=7), A)
        assert pods.told() == []
    assert pods.told() == ["n/a"]


def test_what_the_watch_tells_during_a_write_that_fails_is_told() -> None:
    pods = Pods()
    with suppress(ZeroDivisionError), pods.cache.writing(A, A):
        pods.feed.apply("ADDED", pod(version=7))
        raise ZeroDivisionError
    assert pods.told() == ["n/a"]


def test_during_a_write_others_are_told_and_so_are_deletions_and_other_objects() -> None:
    pods = Pods()
    with pods.cache.writing(A, A):
        pods.feed.apply("ADDED", pod(version=7, agent="other"))
        assert pods.told() == ["n/other"]
        pods.feed.apply("ADDED", pod("b", version=8, agent="a"))
        assert pods.told() == ["n/a", "n/b"]
        pods.feed.apply("DELETED", pod(version=9, agent="other"))
        pods.cache.learn(pod(version=7, agent="other"), A)
    assert pods.told() == ["n/other", "n/a"]


def test_what_everyone_has_to_know_of_is_told_to_the_writer_too() -> None:
    pods = Pods()
    pods.cache.learn(pod(version=7))
    assert pods.told() == ["n/a"]
    pods.feed.apply("MODIFIED", pod(version=7))
    assert pods.told() == []


def test_of_a_change_that_can_wait_an_agent_is_not_told() -> None:
    told: list[Key] = []
    asked: list[tuple[Key, int, int]] = []

    def can_wait(key: Key, former: Held, held: Held) -> bool:
        asked.append((key, former.version, held.version))
        return key == A

    cache = Cache(agents_of_dependent, lambda key, _: told.append(key), can_wait)
    feed = cache.feed(None)
    feed.apply("ADDED", pod(version=1, agent="b"))
    assert (told, asked) == ([A, Key("n", "b")], [])
    feed.apply("MODIFIED", pod(version=2, agent="b"))
    assert (told[2:], sorted(asked)) == ([Key("n", "b")], [(A, 1, 2), (Key("n", "b"), 1, 2)])
    feed.apply("DELETED", pod(version=3, agent="b"))
    assert told[3:] == [A, Key("n", "b")]


def test_what_a_list_shows_is_less_urgent_than_a_change() -> None:
    pods = Pods()
    pods.list_("5", pod("a"), pod("b"))
    pods.feed.apply("MODIFIED", pod("a", 6))
    pods.feed.apply("DELETED", pod("a", 7))
    pods.list_("9")
    assert pods.priorities == [Priority.LISTED] * 2 + [Priority.CHANGED] * 2 + [Priority.LISTED]


def test_a_late_deletion_of_a_predecessor_says_nothing_about_the_successor() -> None:
    pods = Pods()
    pods.feed.apply("ADDED", pod(version=5, uid="old"))
    pods.cache.learn(pod(version=9, uid="new"), WRITER)
    pods.told()
    pods.feed.apply("DELETED", pod(version=8, uid="old"))
    assert pods.cache.get(Key("n", "a")) == pod(version=9, uid="new")
    assert pods.told() == []


def test_a_list_from_a_restored_backup_holds_although_its_versions_are_older() -> None:
    pods = Pods()
    pods.list_("5000", pod("a", 4000), pod("b", 4500), pod("c", 20))
    pods.cache.learn(pod("d", 5001), WRITER)
    pods.told()
    pods.list_("40", pod("a", 30), pod("c", 20))
    assert pods.names() == {"n/a", "n/c"}
    assert pods.cache.get(Key("n", "a")) == pod("a", 30)
    assert {"n/a", "n/b", "n/d"} <= set(pods.told())
    pods.feed.apply("MODIFIED", pod("a", 41))
    assert pods.cache.get(Key("n", "a")) == pod("a", 41)


def test_each_feed_speaks_for_its_namespace_alone() -> None:
    pods = Pods()
    one, two = pods.cache.feed("one"), pods.cache.feed("two")
    listed(one, "5", pod(namespace="one"))
    listed(two, "3", pod(namespace="two"))
    assert pods.names() == {"one/a", "two/a"}
    listed(one, "9")
    assert pods.names() == {"two/a"}
    pods.cache.learn(pod("b", 7, namespace="two"), WRITER)
    assert pods.names() == {"two/a", "two/b"}
    pods.cache.learn(pod("b", 7, namespace="one"), WRITER)
    assert pods.names() == {"two/a", "two/b"}


def test_an_object_concerns_the_agents_of_its_name_its_label_and_its_owner() -> None:
    pods = Pods()
    manifest = pod("a", agent="b", owner="c")
    manifest["metadata"]["ownerReferences"].append({"kind": "ReplicaSet", "name": "d"})
    pods.feed.apply("ADDED", manifest)
    assert pods.told() == ["n/a", "n/b", "n/c"]
    assert [pods.cache.of(Key("n", name)) for name in "abcd"] == [[manifest], [manifest], [manifest], []]
    assert agents_of_agent(pod("b", agent="c")) == {Key("n", "b")}


def test_a_relabelled_object_tells_both_agents() -> None:
    pods = Pods()
    pods.feed.apply("ADDED", pod("a", 1, agent="b"))
    pods.told()
    pods.feed.apply("MODIFIED", pod("a", 2, agent="c"))
    assert pods.told() == ["n/a", "n/b", "n/c"]
    assert pods.cache.of(Key("n", "b")) == []
    pods.feed.apply("DELETED", pod("a", 3))
    assert pods.told() == ["n/a", "n/c"]


names = st.sampled_from("abc")
happenings = st.lists(
    st.tuples(
        st.sampled_from(["create", "modify", "delete", "event", "answer", "restore", "list"]),
        names,
        st.sampled_from(["", "a", "b"]),
    ),
    max_size=40,
)


class World:
    """A server with a history, of which a cache hears through a watch, through answers, and through lists."""

    def __init__(self) -> None:
        self.pods = Pods()
        self.version = 100_000  # however often it is restored to an older one
        self.objects: dict[str, dict[str, Any]] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[dict[str, Any]] = []

    def happen(self, what: str, name: str, label: str) -> None:
        match what:
            case "create" | "modify" if (what == "create") == (name not in self.objects):
                self.version += 1
                uid = self.objects[name]["metadata"]["uid"] if name in self.objects else str(self.version)
                self.objects[name] = pod(name, self.version, uid=uid, agent=label)
                self.events.append(("ADDED" if what == "create" else "MODIFIED", self.objects[name]))
                self.answers.append(self.objects[name])
            case "delete" if name in self.objects:
                self.version += 1
                uid = self.objects.pop(name)["metadata"]["uid"]
                self.events.append(("DELETED", pod(name, self.version, uid=uid)))
            case "event" if self.events:
                self.pods.feed.apply(*self.events.pop(0))
            case "answer" if self.answers:
                self.pods.cache.learn(self.answers.pop("abc".index(name) % len(self.answers)), Key("n", name))
            case "restore":
                # Answers from before do not outlive the server.
                self.version -= 30
                self.objects = {n: o for n, o in self.objects.items() if _version(o) <= self.version}
                self.answers.clear()
                self.relist()
            case "list":
                self.relist()
            case _:
                pass

    def relist(self) -> None:
        self.events.clear()
        self.pods.list_(str(self.version), *self.objects.values())

    def watch(self) -> None:
        while self.events:
            self.happen("event", "", "")


def _version(manifest: Manifest) -> int:
    return int(manifest["metadata"]["resourceVersion"])


def check_index(pods: Pods) -> None:
    by_agent: dict[Key, set[Key]] = {}
    for manifest in pods.cache.all():
        for agent in agents_of_dependent(manifest):
            by_agent.setdefault(agent, set()).add(key_of(manifest))
    assert dict(pods.cache._by_agent) == by_agent


@given(happenings)
def test_whatever_came_before_after_a_list_the_cache_equals_it(plan: list[tuple[str, str, str]]) -> None:
    world = World()
    for step in plan:
        world.happen(*step)
    world.relist()
    assert world.pods.held() == world.objects
    check_index(world.pods)


@given(happenings)
def test_whatever_came_before_at_the_end_of_the_watch_the_cache_equals_the_server(
    plan: list[tuple[str, str, str]],
) -> None:
    world = World()
    world.relist()
    for step in plan:
        world.happen(*step)
    world.watch()
    for answer in world.answers:  # however late
        world.pods.cache.learn(answer, WRITER)
    assert world.pods.held() == world.objects
    check_index(world.pods)


@given(happenings)
def test_who_is_not_told_has_seen_it_all(plan: list[tuple[str, str, str]]) -> None:
    """What an Agent sees changes only together with a wake-up, or with an answer to itself."""
    world = World()
    agents = [Key("n", name) for name in "abc"]
    for what, name, label in plan:
        before = {agent: world.pods.cache.of(agent) for agent in agents}
        world.pods.told()
        world.happen(what, name, label)
        told = set(world.pods.told()) | ({f"n/{name}"} if what == "answer" else set())
        assert {str(agent) for agent in agents if world.pods.cache.of(agent) != before[agent]} <= told
