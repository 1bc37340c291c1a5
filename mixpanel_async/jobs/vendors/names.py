"""What the tables of several vendors have in common."""

from collections.abc import Mapping
from typing import Final

# Properties of users that Mixpanel shows separately.
PERSON: Final[Mapping[str, str]] = {
    "email": "$email",
    "Email": "$email",
    "name": "$name",
    "Name": "$name",
    "first_name": "$first_name",
    "firstName": "$first_name",
    "last_name": "$last_name",
    "lastName": "$last_name",
    "phone": "$phone",
    "avatar": "$avatar",
    "created_at": "$created",
    "createdAt": "$created",
}
