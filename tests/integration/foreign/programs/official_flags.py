"""The flags of the official Python client, evaluated locally and by the server. Argument: the address of the server.

The client knows https only; the scheme of the address is the one thing that is changed.
"""

import json
import sys

import httpx

host = sys.argv[1]
real_client = httpx.Client


def plain_client(**options: object) -> httpx.Client:
    return real_client(**{**options, "base_url": f"http://{host}"})


httpx.Client = plain_client

from mixpanel import Consumer, Mixpanel  # noqa: E402 - after the change of httpx
from mixpanel.flags.types import LocalFlagsConfig, RemoteFlagsConfig, SelectedVariant  # noqa: E402

mp = Mixpanel(
    "token",
    consumer=Consumer(events_url=f"http://{host}/track"),
    local_flags_config=LocalFlagsConfig(api_host=host, enable_polling=False),
    remote_flags_config=RemoteFlagsConfig(api_host=host),
)
mp.local_flags.start_polling_for_definitions()
fallback = SelectedVariant(variant_value="fallback")
answers = []
for number in range(40):
    context = {"distinct_id": f"user-{number}", "custom_properties": {"plan": "Pro" if number % 2 else "free"}}
    pair = [
        flags.get_variant(key, fallback, context) for key in sys.argv[2:] for flags in (mp.local_flags, mp.remote_flags)
    ]
    answers.append([[one.variant_key, one.variant_value, one.is_qa_tester] for one in pair])
print(json.dumps(answers))
