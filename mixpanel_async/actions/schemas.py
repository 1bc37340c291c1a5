"""Lexicon schemas: descriptions of events and profiles."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, Unpack

import msgspec

from mixpanel_async import limits
from mixpanel_async.actions._core.params import Field, check_choice, check_whole_number, segment
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
from mixpanel_async.json_types import JSONValue
from mixpanel_async.session import Request

EntityType: TypeAlias = Literal["event", "profile"]


class SchemaJson(ApiObject, frozen=True, kw_only=True, omit_defaults=True):
    """The schema of an event or profile, in the form of JSON Schema.

    Attributes:
        description: Description.
        properties: By property: `type`, `description` and Mixpanel's `metadata`.
        metadata: Mixpanel's data below the key `com.mixpanel`: `displayName`, `tags`, `hidden`, `dropped`, ...

    Example:
        ```python
        from mixpanel_async.actions import SchemaJson

        schema = SchemaJson(description="A user signed up", properties={"plan": {"type": "string"}})
        ```
    """

    description: str | None = None
    properties: dict[str, JSONValue] = msgspec.field(default_factory=dict)
    metadata: dict[str, JSONValue] = msgspec.field(default_factory=dict)


class Schema(ApiObject, frozen=True):
    """A schema and the event or profile that it describes.

    Attributes:
        name: Name of the event; `$user` or the group key for a profile.
        entity_type: `"event"` or `"profile"`.
        schema_json: The schema.

    Example:
        ```python
        from mixpanel_async.actions import Schema, SchemaJson

        schema = Schema("Signed Up", "event", SchemaJson(description="A user signed up"))
        ```
    """

    name: str
    entity_type: str = msgspec.field(name="entityType")
    schema_json: SchemaJson = msgspec.field(name="schemaJson", default_factory=SchemaJson)


class SchemaUpload(ApiObject, frozen=True):
    """The result of an upload: numbers of schemas added and, with `truncate`, deleted."""

    added: int
    deleted: int | None = None


class SchemaDeletion(ApiObject, frozen=True):
    """The result of a deletion: number of schemas deleted."""

    delete_count: int


class Schemas(Resource):
    """Lexicon schemas: descriptions of events and profiles.

    Mixpanel allows 5 requests and 4,000 schemas a minute. Each call takes the optional argument `project_id` (default:
    the client's).

    Args:
        session: Sends the requests.

    Reference: https://developer.mixpanel.com/reference/lexicon-schemas-api

    Example:
        ```python
        schemas = await mp.schemas.list()
        ```
    """

    async def list(self, **scope: Unpack[ProjectScope]) -> ApiList[Schema]:
        """Return all schemas of the project.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-all-schemas-for-project

        Example:
            ```python
            names = [schema.name for schema in await mp.schemas.list()]
            ```
        """
        request = self._request("list", "GET", scope)
        return read_result_list(request, await self._session.send(request), Schema)

    async def upload(
        self, entries: Sequence[Schema], *, truncate: bool | None = None, **scope: Unpack[ProjectScope]
    ) -> SchemaUpload:
        """Add or replace schemas and return their numbers.

        Args:
            entries: The schemas, 1 to 4,000.
            truncate: Delete all schemas of the project first.

        Raises:
            InvalidArgumentError: `entries` does not have 1 to 4,000 schemas.
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/upload-schemas-for-project

        Example:
            ```python
            from mixpanel_async.actions import Schema, SchemaJson

            result = await mp.schemas.upload([Schema("Signed Up", "event", SchemaJson(description="A user signed up"))])
            ```
        """
        check_whole_number("entries", entries, limits.SCHEMAS_ENTITIES_PER_MINUTE)
        body = {"entries": entries, "truncate": truncate}
        request = self._request("upload", "POST", scope, body=body, records=len(entries))
        return read_results(request, await self._session.send(request), SchemaUpload)

    async def delete_all(self, **scope: Unpack[ProjectScope]) -> SchemaDeletion:
        """Delete all schemas, up to 3,000 in one call, and return their number.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/delete-all-schemas-in-project

        Example:
            ```python
            deleted = (await mp.schemas.delete_all()).delete_count
            ```
        """
        request = self._request("delete_all", "DELETE", scope)
        return read_results(request, await self._session.send(request), SchemaDeletion)

    async def list_for_entity(
        self, entity_type: EntityType, *, entity_name: str | None = None, **scope: Unpack[ProjectScope]
    ) -> ApiList[Schema]:
        """Return the schemas of all events or all profiles.

        Args:
            entity_type: `"event"` or `"profile"`.
            entity_name: Only the schema with this name.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-schemas-for-entity

        Example:
            ```python
            schemas = await mp.schemas.list_for_entity("event")
            ```
        """
        query = {"entity_name": entity_name}
        request = self._request("list_for_entity", "GET", scope, entity_type, query=query)
        return read_result_list(request, await self._session.send(request), Schema)

    async def delete_for_entity(
        self, entity_type: EntityType, *, entity_name: str | None = None, **scope: Unpack[ProjectScope]
    ) -> SchemaDeletion:
        """Delete the schemas of all events or all profiles and return their number.

        Args:
            entity_type: `"event"` or `"profile"`.
            entity_name: Only the schema with this name.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/delete-schemas-for-entity

        Example:
            ```python
            await mp.schemas.delete_for_entity("event", entity_name="Signed Up")
            ```
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
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/list-schemas-by-entity-and-name

        Example:
            ```python
            schema = await mp.schemas.get("event", "Signed Up")
            ```
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
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/upload-schema-by-entity-and-name

        Example:
            ```python
            from mixpanel_async.actions import SchemaJson

            await mp.schemas.upload_one("event", "Signed Up", SchemaJson(description="A user signed up"))
            ```
        """
        body = msgspec.to_builtins(schema)
        request = self._request("upload_one", "POST", scope, entity_type, name, body=body, records=1)
        return read_acknowledgement(request, await self._session.send(request))

    async def delete(self, entity_type: EntityType, name: str, **scope: Unpack[ProjectScope]) -> SchemaDeletion:
        """Delete the schema of one event or profile and return the number of deleted schemas.

        Args:
            entity_type: `"event"` or `"profile"`.
            name: Name of the event; `$user` or the group key for a profile.

        Raises:
            ApiError: Mixpanel refused the request.

        Reference: https://developer.mixpanel.com/reference/delete-schema-by-entity-and-name

        Example:
            ```python
            await mp.schemas.delete("event", "Signed Up")
            ```
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
        if segments:
            check_choice("entity_type", segments[0], EntityType)
        path = "".join(f"/{segment(name, value)}" for name, value in zip(names, segments, strict=False))
        path = self._project_path(f"schemas.{operation}", scope, f"/schemas{path}")
        return app_request(
            f"schemas.{operation}", method, path, query=query, body=body, family="schemas", records=records
        )
