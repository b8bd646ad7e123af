"""What one value of the file may be: how its text is read, what is said when it cannot be, and its JSON Schema.

Every scalar arrives as the text that stands in the file (see document.py). No message repeats that text, since it may
be a secret in the wrong place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

T = TypeVar("T")

_SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_BYTES = {"MiB": 1 << 20, "KiB": 1 << 10}
_DURATION = r"[0-9]{1,9}(\.[0-9]{1,3})?[smhd]"
_SIZE = r"[0-9]{1,9}(KiB|MiB)"
_WHOLE = r"0|[1-9][0-9]{0,9}"  # no leading zero: 010 is ten to some and eight to YAML 1.1
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}


def mistake(text: str) -> PydanticCustomError:
    """The error to raise for a wrong value; `text` follows the key's path and repeats nothing of the file."""
    return PydanticCustomError("mistake", "{text}", {"text": text})


@dataclass(frozen=True)
class Scalar(Generic[T]):
    """Metadata for `Annotated[T, Scalar(...)]`.

    `read` raises ValueError where the text is not such a value; then `says` is the message, unless it was raised by
    mistake() with one of its own. `write` gives the form in which `config show` prints the value.
    """

    read: Callable[[str], T]
    says: str
    schema: Mapping[str, object] = field(hash=False)
    write: Callable[[T], object] = str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        printed = core_schema.plain_serializer_function_ser_schema(self.write, when_used="json-unless-none")
        return core_schema.no_info_plain_validator_function(self._validate, serialization=printed)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return dict(self.schema)

    def _validate(self, value: object) -> T:
        if value is None or isinstance(value, (dict, list)):
            raise mistake(self.says)
        try:
            return self.read(str(value))
        except PydanticCustomError:
            raise
        except ValueError:
            raise mistake(self.says) from None


def seconds(text: str) -> float:
    """A duration such as `30s`, `1.5m`, `24h` or `7d` in seconds; ValueError for anything else."""
    if not re.fullmatch(_DURATION, text):
        raise ValueError
    return float(text[:-1]) * _SECONDS[text[-1]]


def duration_text(value: float) -> str:
    """The shortest exact spelling of so many seconds: 604800.0 is `7d`."""
    unit = next((u for u, n in _SECONDS.items() if value and value % n == 0), "s")
    return f"{value / _SECONDS[unit]:g}{unit}"


def size_text(value: int) -> str:
    """The shortest exact spelling of so many bytes (a multiple of 1024): 268435456 is `256MiB`."""
    unit = next((u for u, n in _BYTES.items() if value % n == 0), "KiB")
    return f"{value // _BYTES[unit]}{unit}"


def duration(least: str, most: str, example: str, fraction: bool = True) -> Scalar[float]:
    """Seconds as float, bounds included; without `fraction` only whole seconds."""
    low, high = seconds(least), seconds(most)

    def read(text: str) -> float:
        value = _within(seconds(text), low, high)
        if not fraction and not value.is_integer():
            raise ValueError
        return value

    return Scalar(
        read=read,
        says=f"takes a duration from {least} to {most}, such as {example} (a number and s, m, h or d)",
        schema={"type": "string", "pattern": f"^{_DURATION}$", "examples": [example]},
        write=duration_text,
    )


def duration_or_off(least: str, most: str, example: str) -> Scalar[float]:
    """Seconds as float, 0.0 for `off`."""
    some = duration(least, most, example)
    return Scalar(
        read=lambda text: 0.0 if text == "off" else some.read(text),
        says=f"takes off, or a duration from {least} to {most}, such as {example}",
        schema={"type": "string", "pattern": f"^(off|{_DURATION})$", "examples": ["off", example]},
        write=lambda value: duration_text(value) if value else "off",
    )


def size(least: str, most: str, example: str) -> Scalar[int]:
    """Bytes as int, bounds included."""
    low, high = _bytes(least), _bytes(most)
    return Scalar(
        read=lambda text: _within(_bytes(text), low, high),
        says=f"takes a size from {least} to {most}, such as {example} (a number and KiB or MiB)",
        schema={"type": "string", "pattern": f"^{_SIZE}$", "examples": [example]},
        write=size_text,
    )


def whole(least: int, most: int) -> Scalar[int]:
    """A whole number, bounds included, in ASCII digits without a leading zero."""
    return Scalar(
        read=lambda text: _within(_int(text), least, most),
        says=f"takes a whole number from {least} to {most}",
        schema={"type": "integer", "minimum": least, "maximum": most},
        write=int,
    )


def whole_or_auto(least: int, most: int) -> Scalar[int | str]:
    """A whole number, or the word `auto`."""
    return Scalar(
        read=lambda text: text if text == "auto" else _within(_int(text), least, most),
        says=f"takes auto, or a whole number from {least} to {most}",
        schema={"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": least, "maximum": most}]},
        write=lambda value: value,
    )


def text(pattern: str, says: str, example: str = "") -> Scalar[str]:
    """Text that matches `pattern` from end to end."""
    compiled = re.compile(pattern)

    def read(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError
        return value

    schema = {"type": "string", "pattern": f"^(?:{pattern})$"} | ({"examples": [example]} if example else {})
    return Scalar(read=read, says=says, schema=schema)


def line(most: int, example: str = "") -> Scalar[str]:
    """One line of at least one and at most `most` characters, without blanks around it."""
    such = f", such as {example}" if example else ""
    pattern = rf"\S(?:[^\n]{{0,{most - 2}}}\S)?"
    return text(pattern, f"takes one line of text of at most {most} characters{such}", example)


def _bytes(given: str) -> int:
    if not re.fullmatch(_SIZE, given):
        raise ValueError
    return int(given[:-3]) * _BYTES[given[-3:]]


def _int(given: str) -> int:
    if not re.fullmatch(_WHOLE, given):
        raise ValueError
    return int(given)


N = TypeVar("N", int, float)


def _within(value: N, least: N, most: N) -> N:
    if not least <= value <= most:
        raise ValueError
    return value


def _flag(given: str) -> bool:
    if given.lower() not in _FLAGS:
        raise ValueError
    return _FLAGS[given.lower()]


def _path(given: str) -> Path:
    if not given or "\n" in given or given.startswith("~"):
        raise ValueError
    return Path(given)


FLAG: Scalar[bool] = Scalar(
    read=_flag,
    says="takes yes or no",
    schema={"enum": ["yes", "no", True, False, "true", "false"]},
    write=bool,
)

_PATH: Scalar[Path] = Scalar(
    read=_path,
    says="takes the path of a file or directory, such as /etc/radius-mfa/x",
    schema={"type": "string", "minLength": 1},
)


def beside(value: Path, info: ValidationInfo) -> Path:
    """`value` as an absolute path: a relative one is relative to the directory of the configuration file."""
    file: Path | None = (info.context or {}).get("file")
    return value if file is None else file.parent / value


Flag = Annotated[bool, FLAG]
FilePath = Annotated[Path, _PATH, AfterValidator(beside)]
GroupName = Annotated[str, line(64, "pbx-admins")]
