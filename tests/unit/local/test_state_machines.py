"""A state machine is walked as its language says, and refused where the walk would differ."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from whybox.errors import TemplateError
from whybox.local.state_machines import StateFailedError, StateMachine

Function = Callable[[Any], Any]


def walk(definition: dict[str, Any], given: Any, **functions: Function) -> Any:
    """Run a definition whose tasks call these functions."""

    async def invoke(name: str, event: Any, _seconds: float) -> Any:
        return functions[name](event)

    async def run() -> Any:
        return await StateMachine(definition, invoke=invoke, max_concurrency=2).run(given)

    return asyncio.run(run())


def task(function: str = "f", **fields: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload.$": "$"},
        "End": True,
    } | fields


def one(state: dict[str, Any], **others: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "First", "States": {"First": state, **others}}


def failing(name: str, *, times: int) -> Function:
    """Return a function that fails so often and then returns how often it was called."""
    calls = []

    def function(_event: Any) -> int:
        calls.append(1)
        if len(calls) <= times:
            raise StateFailedError(name)
        return len(calls)

    return function


def test_a_task_hands_on_what_its_function_answers() -> None:
    assert walk(one(task()), {"a": 1}, f=lambda event: event["a"] + 1) == {"Payload": 2, "StatusCode": 200}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ResultSelector": {"got.$": "$.Payload.x"}}, {"got": 7}),
        ({"ResultPath": None}, {"a": {"b": 1}}),
        (
            {"ResultSelector": {"got.$": "$.Payload.x"}, "ResultPath": "$.c.d"},
            {"a": {"b": 1}, "c": {"d": {"got": 7}}},
        ),
        ({"ResultSelector": {"fixed": [1, {"got.$": "$.Payload.x"}]}}, {"fixed": [1, {"got": 7}]}),
    ],
)
def test_a_result_is_selected_and_placed(fields: dict[str, Any], expected: Any) -> None:
    assert walk(one(task(**fields)), {"a": {"b": 1}}, f=lambda _event: {"x": 7}) == expected


def test_parameters_are_filled_from_the_input() -> None:
    parameters = {"FunctionName": "f", "Payload": {"t": "x", "b.$": "$.a.b", "deep": {"all.$": "$"}}}

    result = walk(one(task(Parameters=parameters)), {"a": {"b": 1}}, f=lambda event: event)

    assert result["Payload"] == {"t": "x", "b": 1, "deep": {"all": {"a": {"b": 1}}}}


def test_a_path_that_finds_nothing_fails_the_run() -> None:
    with pytest.raises(StateFailedError, match=r"States\.ParameterPathFailure"):
        walk(one(task(Parameters={"FunctionName": "f", "Payload.$": "$.b"})), {"a": 1}, f=lambda event: event)


def test_states_follow_one_another_to_an_end() -> None:
    definition = one(
        task(Next="Mark", ResultPath="$.r") | {"End": False},
        Mark={"Type": "Pass", "Result": {"ok": True}, "ResultPath": "$.mark", "Next": "Over"},
        Over={"Type": "Succeed"},
    )

    result = walk(definition, {"a": 1}, f=lambda event: event["a"])

    assert result == {"a": 1, "r": {"Payload": 1, "StatusCode": 200}, "mark": {"ok": True}}


def test_a_fail_state_fails_the_run_by_its_name() -> None:
    with pytest.raises(StateFailedError, match="JobFailed: its record says why"):
        walk(one({"Type": "Fail", "Error": "JobFailed", "Cause": "its record says why"}), {})


MAP = {
    "Type": "Map",
    "ItemsPath": "$.items",
    "ItemSelector": {"by.$": "$.by", "n.$": "$$.Map.Item.Value", "at.$": "$$.Map.Item.Index"},
    "ItemProcessor": {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "One",
        "States": {"One": task(ResultSelector={"r.$": "$.Payload"})},
    },
    "End": True,
}


def test_a_map_runs_its_states_for_each_item_and_keeps_their_order() -> None:
    result = walk(one(MAP), {"items": [5, 3, 4], "by": 10}, f=lambda event: event)

    assert result == [{"r": {"by": 10, "n": n, "at": at}} for at, n in enumerate((5, 3, 4))]


def test_of_a_distributed_map_the_first_failure_counts_under_the_name_of_its_threshold() -> None:
    caught = MAP | {"Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.failure", "Next": "Over"}]}

    def fail(_event: Any) -> None:
        raise StateFailedError("Broken")

    result = walk(one(caught, Over={"Type": "Succeed"}), {"items": [1, 2], "by": 0}, f=fail)

    assert result["failure"]["Error"] == "States.ExceedToleratedFailureThreshold"
    assert "Broken" in result["failure"]["Cause"]


def test_items_that_are_no_list_fail_the_run() -> None:
    with pytest.raises(StateFailedError, match=r"States\.Runtime"):
        walk(one(MAP), {"items": {}, "by": 0}, f=lambda event: event)


RETRY = [
    {"ErrorEquals": ["Hopeless"], "MaxAttempts": 0},
    {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 0, "MaxAttempts": 2},
]


@pytest.mark.parametrize(("times", "expected"), [(0, 1), (1, 2), (2, 3)])
def test_a_task_is_tried_again_as_often_as_its_retrier_says(times: int, expected: int) -> None:
    result = walk(one(task(Retry=RETRY)), {}, f=failing("Some", times=times))

    assert result["Payload"] == expected


@pytest.mark.parametrize(("name", "times"), [("Some", 3), ("Hopeless", 1)])
def test_beyond_that_it_fails_and_another_retrier_may_say_never(name: str, times: int) -> None:
    with pytest.raises(StateFailedError, match=name):
        walk(one(task(Retry=RETRY)), {}, f=failing(name, times=times))


@pytest.mark.parametrize(
    ("wanted", "name", "is_caught"),
    [
        ("States.ALL", "Any", True),
        ("Any", "Any", True),
        ("Other", "Any", False),
        ("States.TaskFailed", "Any", True),
        ("States.TaskFailed", "States.Timeout", False),
    ],
)
def test_a_catcher_takes_the_errors_that_it_names(wanted: str, name: str, *, is_caught: bool) -> None:
    state = task(Catch=[{"ErrorEquals": [wanted], "ResultPath": "$.e", "Next": "Over"}])
    definition = one(state, Over={"Type": "Succeed"})

    if is_caught:
        assert walk(definition, {"a": 1}, f=failing(name, times=9)) == {
            "a": 1,
            "e": {"Error": name, "Cause": ""},
        }
    else:
        with pytest.raises(StateFailedError, match=name):
            walk(definition, {"a": 1}, f=failing(name, times=9))


@pytest.mark.parametrize(
    "definition",
    [
        {"StartAt": "Nowhere", "States": {"First": {"Type": "Succeed"}}},
        one({"Type": "Choice", "Choices": []}),
        one({"Type": "Wait", "Seconds": 1}),
        one(task(OutputPath="$.a")),
        one(task(Next="Nowhere")),
        one(task(Resource="arn:aws:states:::sqs:sendMessage")),
        one(task(Parameters={"FunctionName": "f", "Payload.$": "States.StringToJson($.a)"})),
        one(task(ResultPath="$['a']")),
        one(task(Catch=[{"ErrorEquals": ["States.ALL"], "ResultPath": "$.a[0]", "Next": "First"}])),
        one(MAP | {"ToleratedFailureCount": 1}),
        one(MAP | {"ItemReader": {}}),
        one(MAP | {"ItemsPath": "$.a[*]"}),
        one(MAP | {"ItemProcessor": {"StartAt": "A", "States": {"A": {"Type": "Parallel"}}}}),
    ],
)
def test_a_definition_that_would_be_walked_otherwise_is_refused(definition: dict[str, Any]) -> None:
    with pytest.raises(TemplateError):
        walk(definition, {}, f=lambda event: event)
