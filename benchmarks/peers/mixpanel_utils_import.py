"""mixpanel-utils' import_events: `python utils.py PORT FILE COUNT` prints seconds of processor and wall."""

import itertools
import json
import sys
import time

from mixpanel_utils import MixpanelUtils

port, path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open(path, "rb") as file:  # noqa: PTH123 - the peer's environment holds nothing but the peer
    events = [json.loads(line) for line in itertools.islice(file, count)]
client = MixpanelUtils("secret", token="token", service_account_username="user", project_id=1)  # noqa: S106
client.import_api = f"http://127.0.0.1:{port}"
wall, processor = time.perf_counter(), time.process_time()
client.import_events(events, 0)
print(json.dumps({"processor": time.process_time() - processor, "wall": time.perf_counter() - wall}))
