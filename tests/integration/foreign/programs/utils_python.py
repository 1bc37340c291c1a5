"""mixpanel-utils: imports, operations on people, and queries. Argument: the host and port of the server."""

import json
import sys

from mixpanel_utils import MixpanelUtils

address = f"http://{sys.argv[1]}"
utils = MixpanelUtils("secret", token="token", service_account_username="account", project_id=1, pool_size=2)
utils.import_api = address
utils.raw_api = utils.formatted_api = f"{address}/api"
events = [
    {
        "event": "Imported",
        "properties": {"time": 1_600_000_000, "distinct_id": f"user-{n}", "$insert_id": f"id-{n}", "n": n},
    }
    for n in range(10)
]
utils.import_events(events, timezone_offset=0)
people = [{"$distinct_id": f"user-{n}", "$properties": {"n": n, "gone": 1, "tags": ["a"]}} for n in range(10)]
utils.import_people(people)
utils.people_set({"plan": "pro"}, profiles=people[:5])
utils.people_set_once({"plan": "free"}, profiles=people[:6])
utils.people_add({"n": 100}, profiles=people[:1])
utils.people_append({"tags": "b"}, profiles=people[:1])
utils.people_union({"tags": ["b", "c"]}, profiles=people[:1])
utils.people_remove({"tags": "a"}, profiles=people[:1])
utils.people_unset(["gone"], profiles=people)
utils.people_delete(profiles=people[9:], backup=False)
exported = utils.query_export({"from_date": "2020-09-13", "to_date": "2020-09-13"}, add_gzip_header=True)
print(json.dumps({"exported": exported, "people": utils.query_engage({"page_size": 1000})}))
