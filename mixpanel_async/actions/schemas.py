"""Lexicon schemas: what events and profiles look like."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, Unpack

import msgspec

from mixpanel_async import limits
from mixpanel_async.actions._core.params import Field, check_whole_number, segment
from mixpanel_async.actions._core.resource import Resource, app_request
from mixpanel_async.actions._core.responses import (
    Acknowledgement,
    ApiList,
    ApiObject,
    read_acknowledgement,
    read_bare_or_results,
    read_result_list,
    read_results,
)
from mixpanel_async.actions._core.scope import ProjectScope
from mixpanel_async.models import JSONValue
from mixpanel_async.session import Request

EntityType: TypeAlias = Literal["event", "profile"]


class SchemaJson(ApiObject, frozen=True, kw_only=True, omit_defaults=True):
    """What an event or a profile looks like, in the manner of JSON Schema.

    Attributes:
        description: What it is.
        properties: By property: `type`, `description` and Mixpanel's `metadata`.
        metadata: Mixpanel's own, below the key `com.mixpanel`: `displayName`, `tags`, `hidden`, `dropped`, ...
    """

    description: str | None = None
    properties: dict[str, JSONValue] = msgspec.field(default_factory=dict)
    metadata: dict[str, JSONValue] = msgspec.field(default_factory=dict)


class Schema(ApiObject, frozen=True):
    """A schema with what it belongs to.

    Attributes:
        name: Name of the event; `$user` or the group key for a profile.
        entity_type: `"event"` or `"profile"`.
        schema_json: The schema.
    """

    name: str
    entity_type: str = msgspec.field(name="entityType")
    schema_json: SchemaJson = msgspec.field(name="schemaJson", default_factory=SchemaJson)


class SchemaUpload(ApiObject, frozen=True):
    """What an upload did: schemas added and deleted."""

    added: int | None = None
    deleted: int | None = None


class SchemaDeletion(ApiObject, frozen=True):
    """What a deletion did: how many schemas it deleted."""

    delete_count: int | None = None


class Schemas(Resource):
    """Lexicon schemas: 5 requests a minute and 4000 entities a minute.

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/lexicon-schemas-api
    """

    async def list(self, **scope: Unpack[ProjectScope]) -> ApiList[Schema]:
        """Return all schemas.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-all-schemas-for-project
        """
        request = self._request("list", "GET", scope)
        return read_result_list(request, await self._session.send(request), Schema)

    async def upload(
        self, entries: Sequence[Schema], *, truncate: bool | None = None, **scope: Unpack[ProjectScope]
    ) -> SchemaUpload:
        """Add or replace schemas.

        Args:
            entries: The schemas, at most 4000.
            truncate: Delete all schemas of the project first.

        Raises:
            InvalidArgumentError: Too many entries.
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/upload-schemas-for-project
        """
        check_whole_number("entries", entries, limits.SCHEMAS_ENTITIES_PER_MINUTE)
        body = {"entries": entries, "truncate": truncate}
        request = self._request("upload", "POST", scope, body=body, records=len(entries))
        return read_results(request, await self._session.send(request), SchemaUpload)

    async def delete_all(self, **scope: Unpack[ProjectScope]) -> SchemaDeletion:
        """Delete all schemas, at most 3000 in one call.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/delete-all-schemas-in-project
        """
        request = self._request("delete_all", "DELETE", scope)
        return read_results(request, await self._session.send(request), SchemaDeletion)

    async def list_for_entity(
        self, entity_type: EntityType, *, entity_name: str | None = None, **scope: Unpack[ProjectScope]
    ) -> ApiList[Schema]:
        """Return the schemas of all events or all profiles.

        Args:
            entity_type: `"event"` or `"profile"`.
            entity_name: Only this one.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-schemas-for-entity
        """
        query = {"entity_name": entity_name}
        request = self._request("list_for_entity", "GET", scope, entity_type, query=query)
        return read_result_list(request, await self._session.send(request), Schema)

    async def delete_for_entity(
        self, entity_type: EntityType, *, entity_name: str | None = None, **scope: Unpack[ProjectScope]
    ) -> SchemaDeletion:
        """Delete the schemas of all events or all profiles.

        Args:
            entity_type: `"event"` or `"profile"`.
            entity_name: Only this one.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/delete-schemas-for-entity
        """
        query = {"entity_name": entity_name}
        request = self._request("delete_for_entity", "DELETE", scope, entity_type, query=query)
        return read_results(request, await self._session.send(request), SchemaDeletion)

    async def get(self, entity_type: EntityType, name: str, **scope: Unpack[ProjectScope]) -> SchemaJson:
        """Return the schema of one event or profile.

        Args:
            entity_type: `"event"` or `"profile"`.
            name: Name of the event; `$user` or the group key for a profile.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/list-schemas-by-entity-and-name
        """
        request = self._request("get", "GET", scope, entity_type, name)
        return read_bare_or_results(request, await self._session.send(request), SchemaJson)

    async def upload_one(
        self, entity_type: EntityType, name: str, schema: SchemaJson, **scope: Unpack[ProjectScope]
    ) -> Acknowledgement:
        """Add or replace the schema of one event or profile.

        Args:
            entity_type: `"event"` or `"profile"`.
            name: Name of the event; `$user` or the group key for a profile.
            schema: The schema.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/upload-schema-by-entity-and-name
        """
        body = msgspec.to_builtins(schema)
        request = self._request("upload_one", "POST", scope, entity_type, name, body=body, records=1)
        return read_acknowledgement(request, await self._session.send(request))

    async def delete(self, entity_type: EntityType, name: str, **scope: Unpack[ProjectScope]) -> SchemaDeletion:
        """Delete the schema of one event or profile.

        Args:
            entity_type: `"event"` or `"profile"`.
            name: Name of the event; `$user` or the group key for a profile.

        Raises:
            ApiError: Mixpanel refused.

        Reference: https://developer.mixpanel.com/reference/delete-schema-by-entity-and-name
        """
        request = self._request("delete", "DELETE", scope, entity_type, name)
        return read_results(request, await self._session.send(request), SchemaDeletion)

    def _request(
        self,
        operation: str,
        method: str,
        scope: ProjectScope,
        *segments: str,
        query: Mapping[str, Field] | None = None,
        body: Mapping[str, JSONValue] | None = None,
        records: int = 0,
    ) -> Request:
        names = ("entity_type", "name")
        path = "".join(f"/{segment(name, value)}" for name, value in zip(names, segments, strict=False))
        path = self._project_path(f"schemas.{operation}", scope, f"/schemas{path}")
        return app_request(
            f"schemas.{operation}", method, path, query=query, body=body, family="schemas", records=records
        )
