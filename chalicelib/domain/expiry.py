"""When a team, a repository or a tag ends: what people ask for, and how they are warned of it.

    asked     ::= {"expires_in_s": seconds} | {"expires_at": RFC 3339, UTC} | {"expires_at": null}
    ?expires= ::= number unit | RFC 3339, UTC | "never"       with a push of a tag
    tag       ::= number unit, of a registry or a team that has tags expire by their name
    unit      ::= "s" | "m" | "h" | "d" | "w"            `:2h`, `:7d`, as people know from ttl.sh

From the second of its end on a thing is not served, not listed and not counted; that its rows and
its bytes go is the collector's work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import TagName

DAY_S = 24 * 3600
EXPIRED_TEAM = "this team has expired; nothing is taken for it any more"
# Nothing is kept for a century by a number that somebody has mistyped.
MAX_LIFE_S = 3650 * DAY_S
MIN_NAMED_LIFE_S = 60
MAX_NAMED_LIFE_S = 52 * 7 * DAY_S

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": DAY_S, "w": 7 * DAY_S}
_HINT = "`expires_at` must be a time like 2027-01-31T12:00:00Z, or null"
_NAMED = re.compile(r"([1-9][0-9]{0,5})([smhdw])", re.ASCII)


@dataclass(frozen=True)
class End:
    """An end that was asked for; None is to have none."""

    at_s: int | None


def is_over(expires_at_s: float | None, now_s: int) -> bool:
    """Whether something with this end has ended; the second of its end is over already."""
    return expires_at_s is not None and expires_at_s <= now_s


def earliest(*ends_s: int | None) -> int | None:
    """The first of several ends; None where there is none."""
    return min((end_s for end_s in ends_s if end_s is not None), default=None)


def parse_expiry(asked: Mapping[str, object], now_s: int) -> int | None:
    """The end that somebody asks for; None is no end at all.

    Raises: RegistryError(BAD_REQUEST): no end, a past one, or one after more than ten years.
    """
    if asked.keys() == {"expires_in_s"}:
        life_s = asked["expires_in_s"]
        if not isinstance(life_s, int) or isinstance(life_s, bool):
            raise _bad("`expires_in_s` must be a whole number of seconds")
        return _checked(now_s + life_s, now_s)
    if asked.keys() == {"expires_at"}:
        text = asked["expires_at"]
        return None if text is None else _checked(_seconds(text, _HINT), now_s)
    raise _bad("say `expires_in_s` or `expires_at`, and one of them alone")


def asked_end(texts: Sequence[str], now_s: int) -> End | None:
    """The end that is asked for with a push, in the values of its parameter; None where none is.

    Raises: RegistryError(BAD_REQUEST): none that can be read, more than one, or as above.
    """
    if not texts:
        return None
    if len(texts) > 1:
        raise _bad("say `expires` once")
    if texts[0] == "never":
        return End(None)
    found = _NAMED.fullmatch(texts[0])
    if found:
        return End(_checked(now_s + int(found[1]) * _UNITS_S[found[2]], now_s))
    hint = "`expires` must be like 90s, 30m, 2h, 7d or 1w, like 2027-01-31T12:00:00Z, or never"
    return End(_checked(_seconds(texts[0], hint), now_s))


def _seconds(text: object, hint: str) -> int:
    try:
        at = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError:
        raise _bad(hint) from None
    if at.tzinfo is None:
        raise _bad("a time must say its zone: 2027-01-31T12:00:00Z")
    return int(at.timestamp())


def _checked(end_s: int, now_s: int) -> int:
    if end_s <= now_s:
        raise _bad("the end must lie in the future")
    if end_s > now_s + MAX_LIFE_S:
        raise _bad(f"the end must come within {MAX_LIFE_S // DAY_S} days")
    return end_s


def _bad(message: str) -> RegistryError:
    return RegistryError(ErrorCode.BAD_REQUEST, f"expiry: {message}")


def looks_named(tag: TagName) -> bool:
    """Whether a name would say how long a tag lives, where names say so."""
    return _NAMED.fullmatch(tag.value) is not None


def named_life_s(tag: TagName) -> int | None:
    """How long a tag lives by its name, where names say so; None for any other name.

    Raises: RegistryError(TAG_INVALID): shorter than a minute or longer than 52 weeks.
    """
    found = _NAMED.fullmatch(tag.value)
    if found is None:
        return None
    life_s = int(found[1]) * _UNITS_S[found[2]]
    if not MIN_NAMED_LIFE_S <= life_s <= MAX_NAMED_LIFE_S:
        raise RegistryError(
            ErrorCode.TAG_INVALID,
            "a tag of this form expires by its name here, after one minute (1m) to 52 weeks (52w)",
            detail={"tag": tag.value},
        )
    return life_s


def is_near(begun_s: int, end_s: int, now_s: int) -> bool:
    """Whether an end is so near that people are warned: the last tenth of a life, a day at most."""
    return end_s - now_s <= min(DAY_S, (end_s - begun_s) // 10)


def written(at_s: int) -> str:
    """A time as documents and warnings have it."""
    return datetime.fromtimestamp(at_s, UTC).isoformat().replace("+00:00", "Z")
