"""What the official clients answer: cases of flags, definitions, hashes and operators.

`expected` is the answer of the Python client, version 5.4.1, and `node` that of npm's `mixpanel`, version 0.24.0.
"""

import gzip
import json
import pathlib
from typing import Any, Final

from mixpanel_async.flags import FlagReason, FlagResult
from mixpanel_async.flags.evaluation import FlagSet, compile_flags

Document = dict[str, Any]
VECTORS: Final[Document] = json.loads(gzip.decompress(pathlib.Path(__file__).with_name("vectors.json.gz").read_bytes()))
CASES: Final[list[Document]] = VECTORS["cases"]


def compiled(*flags: object) -> FlagSet:
    """Return the flags of definitions."""
    return compile_flags([json.dumps(flag).encode() for flag in flags], FlagSet())


def assigned(flag: Document, context: Document) -> FlagResult | FlagReason:
    """Return what a flag assigns."""
    return compiled(flag).flags[flag["key"]].assign(context)


def answer(flag: Document, context: Document) -> Document:
    """Return what a flag answers, as the vectors write it."""
    found = assigned(flag, context)
    if isinstance(found, FlagReason):
        empty = dict.fromkeys(("variant_key", "is_qa_tester", "experiment_id", "is_experiment_active"))
        return {**empty, "variant_value": "__fallback__", "source": "fallback", "reason": found.value}
    return {
        "variant_key": found.variant,
        "variant_value": found.value,
        "source": found.source,
        "reason": found.reason,
        "is_qa_tester": found.is_qa_tester,
        "experiment_id": found.experiment_id,
        "is_experiment_active": found.is_experiment_active,
    }
