"""Profiles and cohorts: the SQL that finds the IDs of the matching ones."""

from dataclasses import dataclass
from typing import Final

import msgspec

from mixpanel_async.emulator.expressions.parser import ExpressionError
from mixpanel_async.emulator.expressions.sql import Columns, Compiler, literal
from mixpanel_async.emulator.expressions.syntax import Node
from mixpanel_async.emulator.queries.parameters import Parameters, parsed, refused
from mixpanel_async.emulator.queries.source import canonical_ids
from mixpanel_async.emulator.replies import RefusalError

_COLUMNS: Final = Columns(properties="p.properties", user="p.properties")


class CohortDefinition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cohort as it is saved: the users whose profile matches `where`, or those with some IDs."""

    name: str
    description: str = ""
    is_visible: bool = True
    where: str | None = None
    distinct_ids: list[str] | None = None


@dataclass(frozen=True)
class ProfileSearch:
    """Which profiles to return.

    Attributes:
        project: The project's ID.
        kind: "" for users, else the group key.
        ids: Only these; None for all.
        where: Expression to filter by.
        cohort: Only the members of this cohort.
        has_all_users: Whether members of the cohort without a profile are returned, too.
    """

    project: int
    kind: str
    ids: list[str] | None
    where: Node | None
    cohort: CohortDefinition | None
    has_all_users: bool

    def sql(self) -> str:
        """Return the SQL: the IDs, in order."""
        conditions = [f"p.project = {self.project} AND p.kind = {literal(self.kind)}"]
        conditions += [_condition(self.where)] if self.where is not None else []
        conditions += [self._asked("p.id")] if self.ids is not None else []
        found = "SELECT p.id AS id FROM profiles p WHERE "
        if self.cohort is None:
            return f"{found}{' AND '.join(conditions)} ORDER BY id"
        members = members_sql(self.project, self.cohort)
        matching = f"{found}{' AND '.join([*conditions, f'p.id IN ({members})'])}"
        if not self.has_all_users or self.where is not None:
            return f"{matching} ORDER BY id"
        own = f"SELECT id FROM ({members})" + ("" if self.ids is None else f" WHERE {self._asked('id')}")
        return f"SELECT DISTINCT id FROM ({matching} UNION ALL {own}) ORDER BY id"

    def _asked(self, column: str) -> str:
        ids = self.ids or []
        if self.kind == "":
            return f"{column} IN ({canonical_ids(self.project, ids)})"
        return f"{column} IN ({', '.join(literal(one) for one in ids)})" if ids else "FALSE"


def read_search(parameters: Parameters, project: int, cohort: CohortDefinition | None) -> ProfileSearch:
    """Read the parameters of POST /engage.

    Args:
        parameters: The parameters.
        project: The project's ID.
        cohort: The cohort of `filter_by_cohort`.

    Raises:
        RefusalError: With 400, if one is invalid or not supported.
    """
    if "behaviors" in parameters and "filter_by_cohort" in parameters:
        raise refused("behaviors", "it excludes filter_by_cohort", "give one of them")
    if "behaviors" in parameters:
        raise RefusalError(
            400,
            "behaviors is not supported by the local server, because its selectors are not documented;"
            " save a cohort and give filter_by_cohort",
        )
    ids, own = parameters.names("distinct_ids"), parameters.text("distinct_id")
    if own is not None:
        ids = [*(ids or []), own]
    parameters.count("as_of_timestamp", 0, 10**15, least=0)  # it does nothing without behaviors
    return ProfileSearch(
        project=project,
        kind=parameters.text("data_group_id") or "",
        ids=ids,
        where=parameters.condition(),
        cohort=cohort,
        has_all_users=parameters.flag("include_all_users", default=True),
    )


def members_sql(project: int, cohort: CohortDefinition) -> str:
    """Return the SELECT of the IDs of a cohort's members.

    Raises:
        RefusalError: With 400, if the definition is invalid.
    """
    if cohort.distinct_ids is not None:
        return f"SELECT DISTINCT id FROM ({canonical_ids(project, cohort.distinct_ids)})"
    condition = _condition(parsed("where", cohort.where or ""))
    return f"SELECT p.id AS id FROM profiles p WHERE p.project = {project} AND p.kind = '' AND {condition}"


def check_cohort(cohort: CohortDefinition) -> None:
    """Check a definition before it is saved.

    Raises:
        RefusalError: With 400, if it is invalid.
    """
    if not cohort.name:
        raise refused("name", "it is empty", "give one")
    if (cohort.where is None) == (cohort.distinct_ids is None):
        raise RefusalError(400, "the cohort is invalid: it needs where or distinct_ids; give one of them")
    if any("\0" in one for one in cohort.distinct_ids or []):
        raise refused("distinct_ids", "one contains a character that text cannot have", "remove it")
    members_sql(0, cohort)


def _condition(where: Node) -> str:
    try:
        return Compiler(_COLUMNS).condition(where)
    except ExpressionError as error:
        raise refused("where", str(error), "shorten it") from error
