"""The lane of each endpoint."""

import pytest

from mixpanel_async import OAuthToken, ProjectSecret, ServiceAccount, Settings
from mixpanel_async.auth import Credential, ProjectToken
from mixpanel_async.engine.lane_specs import LaneSpecs
from mixpanel_async.errors import MissingCredentialsError

TOKEN = "tok"


def specs(
    token: str | None = TOKEN, credentials: Credential | None = None, project_id: int | None = None, **options: object
) -> LaneSpecs:
    settings = Settings(**options)  # type: ignore[arg-type]
    return LaneSpecs(settings, token=token, credentials=credentials, project_id=project_id)


@pytest.mark.parametrize(
    ("credential", "project_id", "bound", "has_project"),
    [
        (ServiceAccount("u", "s"), 7, ServiceAccount("u", "s"), True),
        (OAuthToken("o"), 7, OAuthToken("o"), True),
        (ProjectSecret("s"), None, ProjectSecret("s"), False),
        (ProjectSecret("s"), 7, ProjectSecret("s"), False),
        (None, None, ProjectToken("tok"), False),
    ],
)
def test_the_credential_of_imports(
    credential: Credential | None, project_id: int | None, bound: Credential, has_project: bool
) -> None:
    """/import takes the client's credential, else the token, and project_id where the credential does not imply it."""
    spec = specs("tok", credential, project_id).events()
    assert (spec.path, spec.query, spec.is_gzip) == ("/import", (("strict", "1"),), True)
    assert (spec.credential, spec.has_project) == (bound, has_project)


@pytest.mark.parametrize(("token", "credential"), [(None, None), ("tok", ServiceAccount("u", "s"))])
def test_imports_that_cannot_be_authorized(token: str | None, credential: Credential | None) -> None:
    """A missing credential, or a missing project_id where the credential needs one, raises and names the option."""
    with pytest.raises(MissingCredentialsError, match=r"credential|project_id"):
        specs(token, credential).events()


def test_the_token() -> None:
    """A client without a token says which call needs it."""
    assert specs().token_for("track") == "tok"
    with pytest.raises(MissingCredentialsError, match=r"people\.set"):
        specs(None).token_for("people.set")


def test_jobs_have_a_day() -> None:
    """A job's records have a day; live ones have the deadline of the settings."""
    made = specs(credentials=ProjectSecret("s"), delivery_deadline_seconds=60)
    assert (made.events(is_bulk=True).deadline_seconds, made.events().deadline_seconds) == (86_400, 60)
    assert made.events(is_bulk=True) != made.events()


@pytest.mark.parametrize(("use_request_ip", "ip"), [(False, "0"), (True, "1")])
def test_live_lanes(*, use_request_ip: bool, ip: str) -> None:
    """Live endpoints carry no credential, ask for a verbose reply, and forward the IP only on request."""
    made = specs(use_request_ip=use_request_ip, ordered_profiles=True)
    for spec in (made.track(), made.people(), made.groups()):
        assert spec.credential is None
        assert {"verbose": "1", "ip": ip}.items() <= dict(spec.query).items()
    assert (made.track().is_ordered, made.people().is_ordered, made.groups().is_ordered) == (False, True, True)


def test_groups_take_fewer_records() -> None:
    """/groups has a batch limit of its own, never above the general one."""
    assert specs(max_group_batch_records=200).groups().max_records == 200
    assert specs(max_group_batch_records=200, max_batch_records=50).groups().max_records == 50
