"""The official client's BufferedConsumer: `python official.py PORT FILE COUNT` prints seconds of processor and wall."""

import itertools
import json
import sys
import time

import mixpanel

port, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(path, "rb") as file:  # noqa: PTH123 - the peer's environment holds nothing but the peer
    events = [json.loads(line) for line in itertools.islice(file, count)]
consumer = mixpanel.BufferedConsumer(events_url=f"http://127.0.0.1:{port}/track")
client = mixpanel.Mixpanel("token", consumer=consumer)
wall, processor = time.perf_counter(), time.process_time()
for event in events:
    client.track(event["properties"]["distinct_id"], event["event"], event["properties"])
consumer.flush()
print(json.dumps({"processor": time.process_time() - processor, "wall": time.perf_counter() - wall}))
