"""Writes docs/vendors.md from the tables of the presets: `python -m tools.vendors`."""

import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from mixpanel_async.jobs.vendors.model import Preset, Profiles
from mixpanel_async.jobs.vendors.presets import PRESETS

PAGE: Final = pathlib.Path(__file__).parent.parent / "docs/vendors.md"
_MARK: Final = "<!-- The tables are made by `python -m tools.vendors`. -->\n"


def page() -> str:
    """Return the page: its text up to the mark, and the tables."""
    text, mark, _ = PAGE.read_text(encoding="utf-8").partition(_MARK)
    return "\n".join([text + mark, *(line for name in PRESETS for line in _section(name, PRESETS[name]))])


def _section(name: str, preset: Preset) -> Iterator[str]:
    yield f"## {preset.title}: `--from {name}`\n"
    yield f"Reads {preset.reads}. [Format]({preset.reference})\n"
    yield "| Mixpanel | from |"
    yield "|---|---|"
    for what, text in _rows(preset):
        if text:
            yield f"| {what} | {text} |"
    yield ""


def _rows(preset: Preset) -> Iterator[tuple[str, str]]:
    if preset.list:
        yield "events", f"each element of `{preset.list}`"
    yield "event name", _paths(preset.names)
    for value, kind in preset.kinds.items():
        if kind.name or kind.names:
            text = f'"{kind.name}"' if kind.name else _paths(kind.names)
            yield f"event name if `{preset.kind}` is `{value}`", text
    yield "skipped (events)", _codes(f"{value}" for value, kind in preset.kinds.items() if kind.skipped)
    yield "`time`", _paths(preset.time)
    yield "`distinct_id`", _paths(preset.distinct_id)
    mixed = f", else `{preset.mixed_id}`, if it is not the device's" if preset.mixed_id else ""
    yield "`$user_id`", _paths(preset.user_id) + mixed
    yield "the user is not known if", ", or ".join(f"`{path}` is {value}" for path, value in preset.anonymous.items())
    yield "`$device_id`", _paths(preset.device_id)
    yield '`distinct_id` ""', "if there is neither user nor device" if preset.has_strangers else ""
    yield "`$insert_id`", _paths(preset.insert_id) or "hash of the record"
    own = [path for path, form in preset.forms.items() if form == "own"]
    yield "properties under their own names", _codes([*own, *(p for p in preset.schemas if p not in own)])
    yield "properties with dotted names", _codes(path for path, form in preset.forms.items() if form == "flat")
    yield from _renames(preset.rename)
    for special in preset.special_names:
        for path, new in special.rename.items():
            yield f"`{new}` if `{special.path}` is `{special.value}`", f"`{path}`"
    yield "left out", _codes(sorted(preset.drop))
    if preset.profiles is None:
        yield "profiles", "none"
    else:
        yield from _profile_rows(preset.profiles, preset)


def _renames(rename: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for new in dict.fromkeys(rename.values()):
        yield f"`{new}`", _codes(path for path, one in rename.items() if one == new)


def _profile_rows(profiles: Profiles, preset: Preset) -> Iterator[tuple[str, str]]:
    yield "profiles: `$distinct_id`", _paths(profiles.id)
    if profiles.only:
        yield "profiles: records", f"`{preset.kind}` is {_codes(profiles.only)}"
    yield "profiles: `$set`", _codes(profiles.set)
    yield "profiles: `$set_once`", _codes(profiles.set_once)
    if profiles.rows:
        yield (
            "profiles: `$set`, whole rows",
            f"rows without {_codes(profiles.rows)}; left out: {_codes(sorted(profiles.drop))}",
        )
    for what, text in _renames(profiles.rename):
        yield f"profiles: {what}", text


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _paths(names: Iterable[str]) -> str:
    return ", else ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
