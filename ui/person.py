"""Who is using the page: known by a random token that their browser keeps."""

from collections.abc import Mapping

COOKIE = "notecite_person"


def person_of(cookies: Mapping[str, str]) -> str:
    return cookies.get(COOKIE, "")
