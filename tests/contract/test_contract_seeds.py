"""Every action that existing integrations offer can be called here, with each of its inputs."""

import ast
from collections.abc import Callable

import pytest

from mixpanel_async.actions import RequestOptions, request
from mixpanel_async.actions.pipelines.destinations import GcsRaw
from mixpanel_async.client import AsyncMixpanel
from tests import ROOT
from tests.contract.calls import CALLS
from tests.contract.seeds import SEEDS, Seed
from tests.contract.test_contract_actions import named
from tests.contract.test_contract_client import CLIENT_OPERATIONS
from tests.contract.wire import Wire
from tests.signatures import argument_names

ROWS = [(f"{page}: {seed.action}", seed) for page, seeds in SEEDS.items() for seed in seeds]


def find(function: str, client: AsyncMixpanel) -> Callable[..., object]:
    """Return our function by the name that users write."""
    if function == "request":
        return request
    family, _, name = function.rpartition(".")
    if not family:
        found: Callable[..., object] = getattr(client, name)
    else:
        found = getattr(getattr(client, family), name)
    return found


@pytest.mark.parametrize(("name", "seed"), ROWS, ids=[name for name, _ in ROWS])
async def test_every_input_has_its_argument(name: str, seed: Seed, wire: Wire) -> None:
    """Each input of the action is an argument of the function, of the client, or of a raw request."""
    del name
    async with wire.client(None) as client:
        arguments = argument_names(find(seed.function, client))
    for argument in seed.inputs.values():
        kind, _, inner = argument.rpartition(":")
        if kind == "kind":
            assert inner in GcsRaw.__struct_fields__
        elif kind in {"option", "request"}:
            assert inner in RequestOptions.__annotations__
        else:
            assert argument in {"client", "always"} or argument in arguments, argument


@pytest.mark.parametrize(("name", "seed"), ROWS, ids=[name for name, _ in ROWS])
def test_the_test_that_covers_an_action_exists(name: str, seed: Seed) -> None:
    """The test that the table names is there, with that parameter."""
    del name
    path, _, test = seed.test.partition("::")
    function, _, parameter = test.partition("[")
    tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
    functions = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert function in functions
    known = {named(call) for call in CALLS} | set(CLIENT_OPERATIONS) | {"35"}
    assert not parameter or parameter.rstrip("]") in known or parameter.rstrip("]").rstrip("0123456789") in known
