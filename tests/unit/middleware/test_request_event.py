"""The event of a request, from facts."""

import pytest

from mixpanel_async.middleware.request_event import RequestFacts, is_sampled, request_properties

FACTS = RequestFacts("GET", "/users/{user_id}", 200, 0.0123456, "completed")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FACTS, {}),
        (FACTS._replace(method="PROPFIND"), {"method": "(other)"}),
        (FACTS._replace(method="get"), {"method": "(other)"}),
        (FACTS._replace(route=None), {"route": "(no route)"}),
        (FACTS._replace(route=""), {"route": "(no route)"}),
        (FACTS._replace(route="/x" * 500), {"route": ("/x" * 500)[:255]}),
        (FACTS._replace(status=None, ending="failed", error="ValueError"),
         {"status": 500, "ending": "failed", "error": "ValueError"}),
        (FACTS._replace(ending="failed", error="OSError"), {"ending": "failed", "error": "OSError"}),
        (FACTS._replace(ending="disconnected"), {"ending": "disconnected"}),
        (FACTS._replace(sample_rate=0.25), {"sample_rate": 0.25}),
    ],
)  # fmt: skip
def test_properties(facts: RequestFacts, expected: dict[str, object]) -> None:
    """Values that a client can make up are bounded in number; a failure without a response has the status 500."""
    usual = {"method": "GET", "route": "/users/{user_id}", "status": 200, "duration_ms": 12.346, "ending": "completed"}
    assert request_properties(facts) == {**usual, **expected}


@pytest.mark.parametrize("ending", ["disconnected", "cancelled"])
def test_no_response(ending: str) -> None:
    """If nothing was sent because the client has gone, there is no status."""
    facts = FACTS._replace(status=None, ending="disconnected" if ending == "disconnected" else "cancelled")
    assert "status" not in request_properties(facts)


@pytest.mark.parametrize(
    ("draw", "rate", "expected"),
    [(0.0, 0.0, False), (0.0, 1.0, True), (0.999999, 1.0, True), (0.1, 0.1, False), (0.09, 0.1, True)],
)
def test_sampling(draw: float, rate: float, expected: bool) -> None:
    """0 is nobody, 1 is everybody."""
    assert is_sampled(draw, rate) is expected
