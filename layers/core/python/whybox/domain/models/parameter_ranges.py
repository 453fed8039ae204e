"""What a model parameter may be: the values a caller may set, each kind with its own check."""

from __future__ import annotations

from dataclasses import dataclass

from whybox.domain.models.specs import ParameterValue
from whybox.errors import ParameterInvalidError


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number from ``low`` to ``high``."""

    low: int
    high: int
    may_be_none: bool = False

    def check(self, name: str, value: object) -> ParameterValue:
        """Return the value, or raise ParameterInvalidError."""
        if value is None and self.may_be_none:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise ParameterInvalidError(name, reason=f"must be a whole number from {self.low} to {self.high}")
        return value


@dataclass(frozen=True, slots=True)
class Real:
    """A finite number from ``low`` to ``high``."""

    low: float
    high: float
    may_be_none: bool = False

    def check(self, name: str, value: object) -> ParameterValue:
        """Return the value as a float, or raise ParameterInvalidError."""
        if value is None and self.may_be_none:
            return None
        # NaN and infinity are in no range
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not self.low <= value <= self.high
        ):
            raise ParameterInvalidError(name, reason=f"must be a number from {self.low:g} to {self.high:g}")
        return float(value)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words (None where it is among them)."""

    values: tuple[str | None, ...]

    def check(self, name: str, value: object) -> ParameterValue:
        """Return the value, or raise ParameterInvalidError."""
        for allowed in self.values:
            if value == allowed and type(value) is type(allowed):
                return allowed
        shown = ", ".join("null" if allowed is None else allowed for allowed in self.values)
        raise ParameterInvalidError(name, reason=f"must be one of: {shown}")


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def check(self, name: str, value: object) -> ParameterValue:
        """Return the value, or raise ParameterInvalidError."""
        if not isinstance(value, bool):
            raise ParameterInvalidError(name, reason="must be true or false")
        return value


ParameterRange = Whole | Real | Choice | Flag
