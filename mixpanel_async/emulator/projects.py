"""The projects of a local server: who may reach which of them, and the file that describes them."""

import hmac
import pathlib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from mixpanel_async.errors import InvalidSettingError

IdMerge = Literal["original", "simplified"]

# Workspaces get other numbers than projects, so that a client that takes one for the other is noticed.
_FIRST_WORKSPACE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Project:
    """One project.

    A project without `secret`, `service_accounts` and `oauth_tokens` is open: it accepts any credential.

    Attributes:
        id: The project's ID.
        token: The project's token; None accepts any.
        secret: The project's secret: the user name of Basic authorization without a password.
        name: Name for people.
        timezone: IANA name of the time zone of its reports.
        id_merge: How IDs of one user are merged: "original" or "simplified".
        service_accounts: User name to secret.
        oauth_tokens: Accepted bearer tokens.
        organization_id: The organization to which the project belongs.
        workspaces: IDs of its workspaces; empty for one, whose ID is that of the project plus 1,000,000.
        lookup_tables: IDs and names of its lookup tables; None accepts any ID and creates the table.
        has_any_id: Whether requests for any project, workspace and organization belong to this project.
    """

    id: int = 1
    token: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    name: str = "Local project"
    timezone: str = "UTC"
    id_merge: IdMerge = "simplified"
    service_accounts: Mapping[str, str] = field(default_factory=dict, repr=False)
    oauth_tokens: frozenset[str] = field(default=frozenset(), repr=False)
    organization_id: int = 1
    workspaces: tuple[int, ...] = ()
    lookup_tables: Mapping[str, str] | None = None
    has_any_id: bool = False

    @property
    def is_open(self) -> bool:
        """Whether any credential is accepted."""
        return not (self.secret or self.service_accounts or self.oauth_tokens)

    def has_id(self, text: str) -> bool:
        """Return whether a request for the project ID `text` belongs to this project."""
        return self.has_any_id or text == str(self.id)

    @property
    def workspace_ids(self) -> tuple[int, ...]:
        """The IDs of the workspaces, at least one."""
        return self.workspaces or (_FIRST_WORKSPACE + self.id,)

    def has_workspace(self, text: str) -> bool:
        """Return whether the workspace ID `text` is one of this project."""
        return self.has_any_id or text in map(str, self.workspace_ids)

    def has_organization(self, text: str) -> bool:
        """Return whether the project belongs to the organization ID `text`."""
        return self.has_any_id or text == str(self.organization_id)

    def admits_account(self, user: str, password: str) -> bool:
        """Return whether a service account may use the project."""
        known = self.service_accounts.get(user)
        return self.is_open or (known is not None and _same(password, known))

    def is_named_by(self, key: str, *, token: bool) -> bool:
        """Return whether `key` is the project's secret or, with `token`, its token."""
        keys = (self.secret, self.token) if token else (self.secret,)
        return any(known is not None and _same(key, known) for known in keys)

    def admits_oauth(self, token: str) -> bool:
        """Return whether a bearer token may use the project."""
        return self.is_open or any(_same(token, known) for known in self.oauth_tokens)


class Projects:
    """All projects of a server, in the order of the file; at least one.

    Args:
        projects: The projects.

    Raises:
        InvalidSettingError: There is none, or two share an ID, token or secret.
    """

    def __init__(self, projects: Sequence[Project]) -> None:
        if not projects:
            raise InvalidSettingError("the projects file is invalid: it has no [[project]]; add one")
        for name in ("id", "token", "secret"):
            values = [value for one in projects if (value := getattr(one, name)) is not None]
            if len(values) != len(set(values)):
                raise InvalidSettingError(
                    f"the projects file is invalid: two projects have the same {name}; change one"
                )
        workspaces = [one for project in projects for one in project.workspace_ids]
        if len(workspaces) != len(set(workspaces)):
            raise InvalidSettingError("the projects file is invalid: a workspace is named twice; change one")
        self._projects = tuple(projects)
        self._by_token = {one.token: one for one in projects}

    @property
    def first(self) -> Project:
        """The first project: the default of the programming interface."""
        return self._projects[0]

    def __iter__(self) -> Iterator[Project]:
        return iter(self._projects)

    def of_token(self, token: str) -> Project | None:
        """Return the project of a record's token; None if there is none."""
        return self._by_token.get(token) or self._by_token.get(None)

    def id_of_token(self, token: str) -> int | None:
        """Return the ID of the project of a record's token; None if there is none."""
        found = self.of_token(token)
        return None if found is None else found.id

    def of_id(self, project_id: int) -> Project | None:
        """Return the project with an ID; None if there is none."""
        return next((one for one in self._projects if one.has_id(str(project_id))), None)


class _Described(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    id: int
    token: str
    secret: str | None = None
    name: str = "Local project"
    timezone: str = "UTC"
    id_merge: IdMerge = "simplified"
    service_accounts: dict[str, str] = msgspec.field(default_factory=dict)
    oauth_tokens: frozenset[str] = frozenset()
    organization_id: int = 1
    workspaces: tuple[int, ...] = ()
    lookup_tables: dict[str, str] | None = None


class _File(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    project: list[_Described]


def read_projects(path: pathlib.Path) -> Projects:
    """Read the projects from a TOML file.

    Args:
        path: A file with one `[[project]]` table for each project; its fields are those of `Project`.

    Raises:
        InvalidSettingError: The file cannot be read, is not TOML, or a field is missing, unknown or wrong.
    """
    try:
        described = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise InvalidSettingError(f"the projects file cannot be read: {path}: {error.strerror}") from error
    except (ValueError, msgspec.ValidationError) as error:
        raise InvalidSettingError(f"the projects file {path} is invalid: {error}; correct it") from error
    return Projects([Project(**msgspec.structs.asdict(one)) for one in described.project])


def _same(given: str, known: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), known.encode())
