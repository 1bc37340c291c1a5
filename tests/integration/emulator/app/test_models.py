"""Long sequences of requests: a model in plain Python and the server agree after each of them."""

import http.client
import json
import urllib.parse
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from mixpanel_async.testing import LocalMixpanel

SMALL = settings(max_examples=8, stateful_step_count=20, deadline=None)
FORM = "application/x-www-form-urlencoded"


class ServerMachine(RuleBasedStateMachine):
    """A server, and requests to it."""

    def __init__(self) -> None:
        super().__init__()
        self.server = LocalMixpanel()
        self.server.start()
        host, port = self.server.url.removeprefix("http://").split(":")
        self.connection = http.client.HTTPConnection(host, int(port))

    def teardown(self) -> None:
        self.connection.close()
        self.server.stop()

    def ask(self, method: str, path: str, body: object = None, kind: str = "application/json") -> tuple[int, Any]:
        """Send a request; return the status and the decoded reply."""
        content = body if isinstance(body, str) else None if body is None else json.dumps(body)
        headers = {"Content-Type": kind, "Authorization": "Basic YWNjb3VudDpzZWNyZXQ="}
        self.connection.request(method, path, content, headers)
        reply = self.connection.getresponse()
        return reply.status, json.loads(reply.read() or b"null")


class AnnotationMachine(ServerMachine):
    """Annotations and tags."""

    ROOT = "/api/app/projects/1/annotations"
    annotations = Bundle("annotations")
    places = st.lists(st.integers(0, 3), max_size=3)

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[int, tuple[str, str, list[int]]] = {}
        self.names: dict[int, str] = {}

    @initialize()
    def create_two_tags(self) -> None:
        for name in ("first", "second"):
            self.create_tag(name)

    def tags_at(self, places: list[int]) -> list[int]:
        """Return the IDs of tags, of those that exist."""
        known = list(self.names)
        return [known[place % len(known)] for place in places] if known else []

    @rule(name=st.sampled_from(["a", "b", "ß", "c d"]))
    def create_a_tag(self, name: str) -> None:
        self.create_tag(name)

    def create_tag(self, name: str) -> None:
        status, body = self.ask("POST", f"{self.ROOT}/tags", {"name": name})
        if name in self.names.values():
            assert status == 400
            return
        assert (status, body["name"]) == (200, name)
        assert all(body["id"] > other for other in self.names)
        self.names[body["id"]] = name

    @rule(target=annotations, day=st.integers(1, 31), text=st.text(max_size=5), at=places)
    def create(self, day: int, text: str, at: list[int]) -> int:
        used = self.tags_at(at)
        date = f"2026-08-{day:02} 12:00:00"
        status, body = self.ask("POST", self.ROOT, {"date": date, "description": text, "tags": used})
        assert status == 201
        key: int = body["results"]["id"]
        self.kept[key] = (date, text, list(dict.fromkeys(used)))
        return key

    @rule(one=annotations, text=st.none() | st.text(max_size=5), at=st.none() | places)
    def change(self, one: int, text: str | None, at: list[int] | None) -> None:
        used = None if at is None else self.tags_at(at)
        change = {name: value for name, value in (("description", text), ("tags", used)) if value is not None}
        status, _ = self.ask("PATCH", f"{self.ROOT}/{one}", change)
        assert status == (200 if one in self.kept else 404)
        if one in self.kept:
            date, old, tags = self.kept[one]
            new_tags = tags if used is None else list(dict.fromkeys(used))
            self.kept[one] = (date, old if text is None else text, new_tags)

    @rule(one=annotations)
    def delete(self, one: int) -> None:
        status, _ = self.ask("DELETE", f"{self.ROOT}/{one}")
        assert status == (404 if self.kept.pop(one, None) is None else 200)

    @invariant()
    def everything_is_read_back(self) -> None:
        _, body = self.ask("GET", self.ROOT)
        found = {
            one["id"]: (one["date"], one["description"], [tag["id"] for tag in one["tags"]]) for one in body["results"]
        }
        assert found == self.kept
        _, tags = self.ask("GET", f"{self.ROOT}/tags")
        used = {tag for *_, tags_of in self.kept.values() for tag in tags_of}
        assert {tag["id"]: (tag["name"], tag["has_annotations"]) for tag in tags} == {
            key: (name, key in used) for key, name in self.names.items()
        }


class ExperimentMachine(ServerMachine):
    """The lifecycle of experiments."""

    ROOT = "/api/app/workspaces/1000001/experiments"
    STEPS = {  # noqa: RUF012 - a constant
        ("draft", "launch"): "active",
        ("active", "force_conclude"): "concluded",
        ("concluded", "win"): "success",
        ("concluded", "lose"): "fail",
    }
    experiments = Bundle("experiments")

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[str, tuple[str, bool]] = {}

    @rule(target=experiments, name=st.text(st.characters(codec="utf-8"), min_size=1, max_size=5))
    def create(self, name: str) -> str:
        status, body = self.ask("POST", self.ROOT, {"name": name})
        assert (status, body["results"]["name"]) == (201, name)
        key: str = body["results"]["id"]
        self.kept[key] = ("draft", False)
        return key

    @rule(key=experiments, step=st.sampled_from(["launch", "force_conclude", "win", "lose"]))
    def move(self, key: str, step: str) -> None:
        path = f"{self.ROOT}/{key}"
        if step in {"win", "lose"}:
            status, body = self.ask("PATCH", f"{path}/decide", {"success": step == "win"})
        else:
            status, body = self.ask("PUT", f"{path}/{step}", {})
        state, is_archived = self.kept.get(key, ("", False))
        following = self.STEPS.get((state, step))
        if not state:
            assert status == 404
        elif following is None or is_archived:
            assert (status, body["status"], body["type"]) == (400, "error", "bad_request")
        else:
            assert (status, body["results"]["status"]) == (200, following)
            self.kept[key] = (following, False)

    @rule(key=experiments, is_archive=st.booleans())
    def archive(self, key: str, is_archive: bool) -> None:
        status, _ = self.ask("POST" if is_archive else "DELETE", f"{self.ROOT}/{key}/archive")
        state, is_archived = self.kept.get(key, ("", False))
        assert status == (404 if not state else 400 if is_archive is is_archived else 200)
        if status == 200:
            self.kept[key] = (state, is_archive)

    @rule(key=experiments)
    def delete(self, key: str) -> None:
        status, _ = self.ask("DELETE", f"{self.ROOT}/{key}")
        assert status == (404 if self.kept.pop(key, None) is None else 200)

    @invariant()
    def states_are_read_back(self) -> None:
        _, body = self.ask("GET", self.ROOT)
        shown = {one["id"]: one["status"] for one in body["results"]}
        assert shown == {key: state for key, (state, is_archived) in self.kept.items() if not is_archived}
        for key, (state, is_archived) in self.kept.items():
            _, body = self.ask("GET", f"{self.ROOT}/{key}")
            assert (body["results"]["status"], body["results"]["deleted"] is not None) == (state, is_archived)


class PipelineMachine(ServerMachine):
    """Pipelines that are created, paused, resumed and canceled."""

    ROOT = "/api/2.0/nessie/pipeline"
    pipelines = Bundle("pipelines")

    def __init__(self) -> None:
        super().__init__()
        self.paused: dict[str, bool] = {}

    def post(self, step: str, **fields: str) -> tuple[int, Any]:
        body = urllib.parse.urlencode({**fields, "project_id": "1"})
        return self.ask("POST", f"{self.ROOT}/{step}", body, FORM)

    @rule(target=pipelines, prefix=st.text(st.characters(codec="utf-8"), min_size=1, max_size=4))
    def create(self, prefix: str) -> str:
        place = {"gcs_bucket": "b", "gcs_region": "us-east1", "gcs_prefix": prefix}
        status, body = self.post("create", type="gcs-raw", trial="true", **place)
        (name,) = body["pipeline_names"]
        assert status == 200
        assert name not in self.paused
        self.paused[name] = False
        return str(name)

    @rule(name=pipelines, is_pause=st.booleans())
    def pause_or_resume(self, name: str, is_pause: bool) -> None:
        status, _ = self.post("pause" if is_pause else "resume", name=name)
        before = self.paused.get(name)
        assert status == (404 if before is None else 400 if before is is_pause else 200)
        if status == 200:
            self.paused[name] = is_pause

    @rule(name=pipelines, where=st.sampled_from(["true", "1 +", 'properties["x"] == 1']))
    def edit(self, name: str, where: str) -> None:
        status, _ = self.post("edit", name=name, where=where)
        assert status == (404 if name not in self.paused else 400 if where == "1 +" else 200)

    @rule(name=pipelines)
    def cancel(self, name: str) -> None:
        status, _ = self.post("cancel", name=name)
        assert status == (404 if self.paused.pop(name, None) is None else 200)

    @invariant()
    def states_are_read_back(self) -> None:
        _, body = self.ask("GET", f"{self.ROOT}/jobs?project_id=1")
        assert [job["name"] for job in body["1"]] == list(self.paused)
        for name, is_paused in self.paused.items():
            query = urllib.parse.urlencode({"name": name, "project_id": 1, "summary": "true"})
            _, counts = self.ask("GET", f"{self.ROOT}/status?{query}")
            assert counts.get("pending", 0) == (not is_paused)
            assert counts["succeeded"] >= 1


TestAnnotations = AnnotationMachine.TestCase
TestExperiments = ExperimentMachine.TestCase
TestPipelines = PipelineMachine.TestCase
TestAnnotations.settings = SMALL
TestExperiments.settings = SMALL
TestPipelines.settings = SMALL
