"""A state machine of Step Functions, walked on this machine: the states and fields that ours uses, no others.

    Task ──Resource lambda:invoke──▶ function      Map ──one run of its own states per item──▶ list of results
    Pass, Succeed, Fail                            Retry, Catch, ResultSelector, ResultPath

The language is the Amazon States Language (states-language.net) with JSONPath as far as ``$.a.b`` and the
item of a Map. A definition with anything else is refused when it is read: nothing is left out in silence.
"""

from __future__ import annotations

import asyncio
import copy
import math
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final

from whybox.errors import TemplateError

Invoke = Callable[[str, Any, float], Awaitable[Any]]
"""Calls a function with an event, within so many seconds; raises StateFailedError."""

_COMMON: Final = frozenset({"Type", "Comment", "Next", "End"})
_FIELDS: Final = {
    "Task": _COMMON
    | {"Resource", "Parameters", "ResultSelector", "ResultPath", "TimeoutSeconds", "Retry", "Catch"},
    "Map": _COMMON
    | {
        "Label",
        "ItemsPath",
        "ItemSelector",
        "MaxConcurrency",
        "ToleratedFailureCount",
        "ItemProcessor",
        "ResultSelector",
        "ResultPath",
        "Retry",
        "Catch",
    },
    "Pass": _COMMON | {"Result", "ResultPath"},
    "Succeed": frozenset({"Type", "Comment"}),
    "Fail": frozenset({"Type", "Comment", "Error", "Cause"}),
}
_WITH_PATHS: Final = (
    "Parameters",
    "ItemsPath",
    "ItemSelector",
    "ResultSelector",
    "ResultPath",
    "Catch",
)
_PATH: Final = re.compile(r"\$\$?(\.\w+)*")
_INVOKE: Final = ":states:::lambda:invoke"
_ALL: Final = "States.ALL"


class StateFailedError(Exception):
    """A state failed: ``name`` is what Retry and Catch decide by."""

    def __init__(self, name: str, cause: str = "") -> None:
        super().__init__(f"{name}: {cause}")
        self.name = name
        self.cause = cause


class StateMachine:
    """One definition, and how its tasks are carried out."""

    def __init__(self, definition: Mapping[str, Any], *, invoke: Invoke, max_concurrency: int) -> None:
        _check(definition)
        self._definition = definition
        self._invoke = invoke
        self._slots = asyncio.Semaphore(max_concurrency)

    async def run(self, given: Any) -> Any:
        """Walk from the first state to an end, and return what comes out; raises StateFailedError."""
        return await self._walk(self._definition, given, context={})

    async def _walk(self, machine: Mapping[str, Any], given: Any, *, context: Mapping[str, Any]) -> Any:
        name, value = machine["StartAt"], given
        while True:
            state = machine["States"][name]
            kind = state["Type"]
            if kind == "Succeed":
                return value
            if kind == "Fail":
                raise StateFailedError(state.get("Error", ""), state.get("Cause", ""))
            value, following = await self._pass_through(state, value, context)
            if following is None:
                return value
            name = following

    async def _pass_through(
        self, state: Mapping[str, Any], value: Any, context: Mapping[str, Any]
    ) -> tuple[Any, str | None]:
        """Carry a state out, and return what is handed on and to which state; None where it ends."""
        try:
            result = await self._retried(state, value, context)
        except StateFailedError as error:
            for catcher in state.get("Catch", ()):
                if _matches(catcher["ErrorEquals"], error.name):
                    told = {"Error": error.name, "Cause": error.cause}
                    return _placed(value, catcher.get("ResultPath", "$"), told), catcher["Next"]
            raise
        if "ResultSelector" in state:
            result = filled(state["ResultSelector"], result, context)
        return _placed(value, state.get("ResultPath", "$"), result), state.get("Next")

    async def _retried(self, state: Mapping[str, Any], value: Any, context: Mapping[str, Any]) -> Any:
        n_retries = [0] * len(state.get("Retry", ()))
        while True:
            try:
                return await self._carried_out(state, value, context)
            except StateFailedError as error:
                index = _retrier(state, error.name)
                if index is None:
                    raise
                retrier = state["Retry"][index]
                if n_retries[index] >= retrier.get("MaxAttempts", 3):
                    raise
                seconds = (
                    retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** n_retries[index]
                )
                n_retries[index] += 1
            await asyncio.sleep(min(seconds, retrier.get("MaxDelaySeconds", math.inf)))

    async def _carried_out(self, state: Mapping[str, Any], value: Any, context: Mapping[str, Any]) -> Any:
        if state["Type"] == "Pass":
            return state.get("Result", value)
        if state["Type"] == "Map":
            return await self._mapped(state, value, context)
        arguments = filled(state["Parameters"], value, context)
        async with self._slots:
            payload = await self._invoke(
                arguments["FunctionName"], arguments.get("Payload"), state.get("TimeoutSeconds", math.inf)
            )
        return {"Payload": payload, "StatusCode": 200}

    async def _mapped(self, state: Mapping[str, Any], value: Any, context: Mapping[str, Any]) -> Any:
        """Run the states inside once per item, side by side; the first failure ends them all."""
        items = _found(state.get("ItemsPath", "$"), value, context)
        if not isinstance(items, list):
            raise StateFailedError("States.Runtime", "the items of a Map are not a list")
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._item(state, value, index=index, item=item, context=context))
                    for index, item in enumerate(items)
                ]
        except ExceptionGroup as failures:
            failed = next((it for it in failures.exceptions if isinstance(it, StateFailedError)), None)
            if failed is None:
                raise
            raise _failure_of_map(state, failed) from failures
        return [task.result() for task in tasks]

    async def _item(
        self, state: Mapping[str, Any], value: Any, *, index: int, item: Any, context: Mapping[str, Any]
    ) -> Any:
        inner = {**context, "Map": {"Item": {"Index": index, "Value": item}}}
        given = filled(state["ItemSelector"], value, inner) if "ItemSelector" in state else item
        return await self._walk(state["ItemProcessor"], given, context=inner)


def _failure_of_map(state: Mapping[str, Any], failed: StateFailedError) -> StateFailedError:
    """Return how a Map fails when a run inside it does: a distributed one counts the failures of its runs."""
    if state["ItemProcessor"].get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED":
        return StateFailedError("States.ExceedToleratedFailureThreshold", str(failed))
    return failed


def filled(template: Any, value: Any, context: Mapping[str, Any]) -> Any:
    """Return a payload template, each field whose name ends in ``.$`` replaced by what its path finds."""
    if isinstance(template, dict):
        return {
            name.removesuffix(".$"): _found(part, value, context)
            if name.endswith(".$")
            else filled(part, value, context)
            for name, part in template.items()
        }
    if isinstance(template, list):
        return [filled(part, value, context) for part in template]
    return template


def _found(path: str, value: Any, context: Mapping[str, Any]) -> Any:
    """Return what a path finds in the state's input, or with ``$$`` in the context."""
    source, steps = (context, path[2:]) if path.startswith("$$") else (value, path[1:])
    for step in steps.split(".")[1:]:
        if not isinstance(source, Mapping) or step not in source:
            raise StateFailedError("States.ParameterPathFailure", f"{path} finds nothing")
        source = source[step]
    return copy.deepcopy(source)


def _placed(value: Any, path: str | None, result: Any) -> Any:
    """Return the input with the result at a path; the result alone for ``$``, the input alone for null."""
    if path is None:
        return value
    if path == "$":
        return result
    placed = copy.deepcopy(value) if isinstance(value, dict) else {}
    *parents, last = path.split(".")[1:]
    target = placed
    for step in parents:
        target = target.setdefault(step, {})
    target[last] = result
    return placed


def _retrier(state: Mapping[str, Any], name: str) -> int | None:
    for index, retrier in enumerate(state.get("Retry", ())):
        if _matches(retrier["ErrorEquals"], name):
            return index
    return None


def _matches(wanted: list[str], name: str) -> bool:
    """Whether a list of errors names this one; a failed task is any but one that took too long."""
    return name in wanted or _ALL in wanted or ("States.TaskFailed" in wanted and name != "States.Timeout")


def _check(machine: Mapping[str, Any]) -> None:
    """Raise TemplateError where the walk would differ from Step Functions'."""
    states = machine.get("States") or {}
    for name, state in states.items():
        known = _FIELDS.get(state.get("Type"))
        if known is None or set(state) - known:
            extra = sorted(set(state) - (known or set()))
            raise TemplateError(f"state {name} has a type or fields that are not walked here: {extra}")
        for following in (state.get("Next"), *(it["Next"] for it in state.get("Catch", ()))):
            if following is not None and following not in states:
                raise TemplateError(f"state {name} goes on to {following}, which is no state")
        if state["Type"] == "Task" and not state["Resource"].endswith(_INVOKE):
            raise TemplateError(f"state {name} calls {state['Resource']}; tasks here call functions")
        if state.get("ToleratedFailureCount", 0) != 0:
            raise TemplateError(f"state {name} tolerates failures, and here the first one counts")
        for path in _paths({field: state.get(field) for field in _WITH_PATHS}):
            if _PATH.fullmatch(path) is None:
                raise TemplateError(f"state {name} uses {path}; paths here are like $.a.b")
        if state["Type"] == "Map":
            _check(state["ItemProcessor"])
    if machine.get("StartAt") not in states:
        raise TemplateError("a state machine has no first state")


def _paths(part: Any) -> Iterator[str]:
    """Yield every path that stands in a state."""
    if isinstance(part, list):
        for item in part:
            yield from _paths(item)
    elif isinstance(part, dict):
        for name, item in part.items():
            if name.endswith((".$", "Path")):
                if item is not None:
                    yield item
            else:
                yield from _paths(item)
