"""The official client's BufferedConsumer: `python official.py PORT FILE COUNT` prints seconds of processor and wall."""

import itertools
import json
import sys
import time

import mixpanel

port, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(path, "rb") as file:  # noqa: PTH123 - the peer's environment holds nothing but the peer
    events = [json.loads(line) for line in itertools.islice(file, count)]
made = [(event["properties"].pop("distinct_id"), event["event"], event["properties"]) for event in events]
for _, _, properties in made:  # as every client of a service is called: it adds both
    del properties["time"], properties["$insert_id"]
consumer = mixpanel.BufferedConsumer(events_url=f"http://127.0.0.1:{port}/track")
client = mixpanel.Mixpanel("token", consumer=consumer)
wall, processor = time.perf_counter(), time.process_time()
for distinct_id, name, properties in made:
    client.track(distinct_id, name, properties)
consumer.flush()
print(json.dumps({"processor": time.process_time() - processor, "wall": time.perf_counter() - wall}))
