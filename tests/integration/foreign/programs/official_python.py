"""The official Python client: every call that sends. Arguments: the host and port of the server."""

import functools
import sys

import mixpanel
from mixpanel import BufferedConsumer, Consumer, Mixpanel, MixpanelException

address = f"http://{sys.argv[1]}"
urls = {f"{name}_url": f"{address}/{path}" for name, path in (
    ("events", "track"), ("people", "engage"), ("groups", "groups"), ("import", "import"),
)}  # fmt: skip
mp = Mixpanel("token", consumer=Consumer(**urls))
mp.track("ann", "Signed Up", {"plan": "pro", "text": "a+b/ü & c=?"})
mp.import_data("key", "ann", "Old", 1_600_000_000, {"n": 1}, api_secret="secret")
mixpanel.Consumer = functools.partial(Consumer, **urls)  # alias() makes a consumer of its own
mp.alias("ann@example.com", "ann")
mixpanel.Consumer = Consumer
mp.merge("key", "ann", "ann-2", api_secret="secret")
mp.people_set("ann", {"plan": "pro", "count": 1, "tags": ["a"], "gone": 1})
mp.people_set_once("ann", {"plan": "free", "first": "yes"})
mp.people_increment("ann", {"count": 2})
mp.people_append("ann", {"tags": "b"})
mp.people_union("ann", {"tags": ["b", "c"]})
mp.people_remove("ann", {"tags": "a"})
mp.people_unset("ann", ["gone"])
mp.people_track_charge("ann", 12.5, {"$time": "2026-01-01T00:00:00"})
mp.people_clear_charges("ann")
mp.people_set("ann@example.com", {"by_alias": True})
mp.people_set("bob", {"a": 1})
mp.people_delete("bob")
mp.group_set("company", "acme", {"size": 3, "tags": ["a", "b"], "gone": 1})
mp.group_set_once("company", "acme", {"size": 4, "first": "yes"})
mp.group_union("company", "acme", {"tags": ["b", "c"]})
mp.group_remove("company", "acme", {"tags": "a"})
mp.group_unset("company", "acme", ["gone"])
mp.group_set("company", "old", {"a": 1})
mp.group_delete("company", "old")
buffered = BufferedConsumer(max_size=3, **urls)
many = Mixpanel("token", consumer=buffered)
for number in range(7):
    many.track("ann", "Buffered", {"n": number})
many.people_set("ann", {"buffered": True})
many.import_data("key", "ann", "Old", 1_600_000_000, {"n": 2}, api_secret="secret")
buffered.flush()
try:
    mp.people_increment("ann", {"count": "x"})
except MixpanelException as error:
    print(error)
