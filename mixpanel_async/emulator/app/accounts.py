"""Service accounts that are created over the API: their rules, and the registry that checks their secrets."""

import hashlib
import hmac
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec

from mixpanel_async.emulator.app.moments import iso, read_iso
from mixpanel_async.emulator.replies import RefusalError

Role = Literal["owner", "admin", "analyst", "consumer"]

# From the most to the least that it allows.
RANKS: Final[Mapping[str, int]] = {"owner": 1, "admin": 2, "analyst": 3, "consumer": 4}
# Kind of the documents. An account belongs to an organization, whose ID stands in place of the project's.
ACCOUNTS: Final = "service-accounts"


class ProjectRole(msgspec.Struct, frozen=True):
    """A project and the role in it."""

    id: int
    role: Role = "consumer"


class AskedAccount(msgspec.Struct, frozen=True):
    """The body of a request for a new account."""

    username: str
    role: Role = "consumer"
    expires: str | None = None
    projects: Sequence[ProjectRole] = ()


class AskedMemberships(msgspec.Struct, frozen=True):
    """The body of a request that adds accounts to projects."""

    projects: Sequence[ProjectRole]
    service_account_ids: Sequence[int]


class LeftProject(msgspec.Struct, frozen=True):
    """A project and the accounts that leave it."""

    id: int
    service_account_ids: Sequence[int]


class AskedDepartures(msgspec.Struct, frozen=True):
    """The body of a request that removes accounts from projects."""

    projects: Sequence[LeftProject]


class Secret(NamedTuple):
    """The parts of a new account that chance decides: the suffix of its name, and its secret."""

    suffix: str
    token: str


def user_id(username: str) -> int:
    """Return the ID of a user, which is always the same for a name."""
    return zlib.crc32(username.encode("utf-8", "surrogatepass"))


def new_account(new_id: int, asked: AskedAccount, secret: Secret, creator: str, now: float) -> dict[str, Any]:
    """Return the document of a new account; of the secret it holds only a digest.

    Raises:
        RefusalError: With 400, if the name is empty or has a colon, or the expiry is invalid.
    """
    if not asked.username.strip() or ":" in asked.username:
        raise RefusalError(400, "username is invalid: it is empty or has a colon; give another name")
    expires = None if asked.expires is None else read_iso("expires", asked.expires)
    if expires is not None and expires.timestamp() <= now:
        raise RefusalError(400, "expires is invalid: it is in the past; give a later time")
    username = f"{asked.username.strip()}.{secret.suffix}.mp-service-account"
    return {
        "id": new_id,
        "username": username,
        "digest": _digest(secret.token),
        "role": asked.role,
        "expires": None if expires is None else iso(expires.timestamp()),
        "creator": user_id(creator),
        "created": iso(now),
        "projects": {str(one.id): one.role for one in asked.projects},
    }


def file_account(username: str) -> dict[str, Any]:
    """Return the document of an account of the projects file, which owns its projects."""
    return {"id": user_id(username), "username": username, "role": "owner"}


def with_memberships(account: dict[str, Any], projects: Iterable[ProjectRole]) -> dict[str, Any]:
    """Return an account that is a member of more projects, or has other roles in them."""
    return {**account, "projects": {**account["projects"], **{str(one.id): one.role for one in projects}}}


def without_project(account: dict[str, Any], project: int) -> dict[str, Any]:
    """Return an account that is not a member of a project."""
    return {**account, "projects": {key: role for key, role in account["projects"].items() if key != str(project)}}


def shown_account(account: Mapping[str, Any], last_used: float | None) -> dict[str, Any]:
    """Return an account as the API shows it."""
    return {
        "id": account["id"],
        "username": account["username"],
        "last_used": None if last_used is None else iso(last_used),
        "expires": account.get("expires"),
        "creator": account.get("creator"),
        "created": account.get("created"),
        "user": user_id(account["username"]),
    }


def shown_member(account: Mapping[str, Any], role: str, last_used: float | None) -> dict[str, Any]:
    """Return an account as the API shows it among the members of a project."""
    return {
        **shown_account(account, last_used),
        "hasSensitiveAccess": RANKS[role] <= RANKS["admin"],
        "role": role,
        "role_order": RANKS[role],
        "target_type": "individual",
        "email": f"{account['username']}@serviceaccount.localhost",
    }


class Accounts:
    """The accounts that were created, by user name.

    Args:
        accounts: Their documents.
    """

    def __init__(self, accounts: Iterable[Mapping[str, Any]]) -> None:
        self._accounts = {one["username"]: one for one in accounts}
        self._last_used: dict[str, float] = {}

    def put(self, account: Mapping[str, Any]) -> None:
        """Add or replace an account."""
        self._accounts[account["username"]] = account

    def remove(self, username: str) -> None:
        """Forget an account."""
        self._accounts.pop(username, None)
        self._last_used.pop(username, None)

    def clear(self) -> None:
        """Forget all accounts."""
        self._accounts.clear()
        self._last_used.clear()

    def admits(self, username: str, secret: str, now: float) -> bool:
        """Return whether an account with this secret exists and has not expired."""
        found = self._accounts.get(username)
        if found is None or not hmac.compare_digest(_digest(secret), found["digest"]):
            return False
        return found["expires"] is None or read_iso("expires", found["expires"]).timestamp() > now

    def is_member(self, username: str, project: int) -> bool:
        """Return whether an account is a member of a project."""
        return username in self._accounts and str(project) in self._accounts[username]["projects"]

    def role(self, username: str, project: int | None) -> Role:
        """Return a user's role in a project, or with None in the organization; who was not created here owns it."""
        found = self._accounts.get(username)
        if found is None:
            return "owner"
        role: Role = found["role"] if project is None else found["projects"].get(str(project), "consumer")
        return role

    def note_use(self, username: str, now: float) -> None:
        """Note when a user was authenticated."""
        self._last_used[username] = now

    def last_used(self, username: str) -> float | None:
        """Return when a user was authenticated last, in seconds since 1970; None if never."""
        return self._last_used.get(username)


def _digest(secret: str) -> str:
    # The secret is random and long: a plain digest does not reveal it.
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
