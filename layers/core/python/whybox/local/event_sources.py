"""What calls functions beside HTTP, by template.yaml: queues, timers, news of the bucket, a state machine.

bucket ──Notification──▶ Queue ──QueueSource──▶ function        Queue ──too often──▶ Queue of dead letters
Timer ──▶ function                                              Machine ──▶ functions
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import yaml

from whybox.errors import TemplateError
from whybox.local.intrinsics import NO_VALUE, Intrinsics, named_resource

KINDS: Final = frozenset({"HttpApi", "SQS", "Schedule"})
"""The events of a function that something here sends."""

# SQS's and Lambda's own defaults.
_DEFAULT_VISIBILITY_SECONDS: Final = 30
_DEFAULT_BATCH_SIZE: Final = 10
_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_PLACEHOLDER: Final = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue, and where its messages go that nobody finishes."""

    name: str
    visibility_seconds: int
    dead_letters: str | None
    max_receives: int


@dataclass(frozen=True, slots=True)
class QueueSource:
    """A queue whose messages a function is called with; ``max_concurrency`` calls of it at once at most."""

    queue: str
    function: str
    batch_size: int
    max_concurrency: int | None
    is_partial: bool  # whether the function reports which messages failed


@dataclass(frozen=True, slots=True)
class Timer:
    """A function that is called again and again; ``event`` is None for the one that says what time it is."""

    name: str
    function: str
    interval: timedelta
    event: Any


@dataclass(frozen=True, slots=True)
class Notification:
    """The bucket's news of new objects whose keys begin and end like this."""

    queue: str
    prefix: str
    suffix: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine; where its definition names a function, the function's name stands."""

    name: str
    definition: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventSources:
    """Everything of a template that calls functions beside HTTP."""

    queues: Mapping[str, Queue]
    queue_sources: tuple[QueueSource, ...]
    timers: tuple[Timer, ...]
    notifications: tuple[Notification, ...]
    machine: Machine | None

    @property
    def functions(self) -> frozenset[str]:
        """The functions that are called, but for those that the state machine names."""
        return frozenset(
            {source.function for source in self.queue_sources} | {timer.function for timer in self.timers}
        )


class EventSourceReader:
    """Reads a template's event sources; raises TemplateError for what would be something else here.

    ``written`` holds the template's resources as they are written, ``translated`` what SAM made of them.
    """

    def __init__(
        self,
        written: Mapping[str, Any],
        translated: Mapping[str, Any],
        *,
        intrinsics: Intrinsics,
        folder: Path,
    ) -> None:
        self._written = written
        self._translated = translated
        self._intrinsics = intrinsics
        self._folder = folder

    def read(self) -> EventSources:
        """Return the event sources."""
        sources = EventSources(
            queues={queue.name: queue for queue in self._queues()},
            queue_sources=tuple(self._queue_sources()),
            timers=tuple(self._timers()),
            notifications=tuple(self._notifications()),
            machine=self._machine(),
        )
        used = {source.queue for source in sources.queue_sources}
        used |= {news.queue for news in sources.notifications}
        used |= {queue.dead_letters for queue in sources.queues.values() if queue.dead_letters is not None}
        if missing := sorted(used - set(sources.queues)):
            raise TemplateError(f"it uses {', '.join(missing)}, which is no queue of it")
        return sources

    def _queues(self) -> Iterator[Queue]:
        for name, properties in self._of_type(self._written, "AWS::SQS::Queue"):
            redrive = self._known(properties.get("RedrivePolicy")) or {}
            yield Queue(
                name=name,
                visibility_seconds=int(
                    self._resolved(properties.get("VisibilityTimeout", _DEFAULT_VISIBILITY_SECONDS))
                ),
                dead_letters=named_resource(redrive["deadLetterTargetArn"]) if redrive else None,
                max_receives=int(self._resolved(redrive.get("maxReceiveCount", 1))),
            )

    def _queue_sources(self) -> Iterator[QueueSource]:
        for name, properties in self._of_type(self._translated, "AWS::Lambda::EventSourceMapping"):
            if "FilterCriteria" in properties:
                raise TemplateError(f"{name} filters messages, and nothing here does")
            scaling = self._resolved(properties.get("ScalingConfig")) or {}
            concurrency = scaling.get("MaximumConcurrency")
            yield QueueSource(
                queue=named_resource(properties["EventSourceArn"]),
                function=self._function(properties["FunctionName"]),
                batch_size=int(self._resolved(properties.get("BatchSize", _DEFAULT_BATCH_SIZE))),
                max_concurrency=None if concurrency is None else int(concurrency),
                is_partial="ReportBatchItemFailures"
                in (self._resolved(properties.get("FunctionResponseTypes")) or ()),
            )

    def _timers(self) -> Iterator[Timer]:
        for name, properties in self._of_type(self._translated, "AWS::Events::Rule"):
            written = self._resolved(properties.get("ScheduleExpression"))
            rate = _RATE.fullmatch(str(written))
            if rate is None:
                raise TemplateError(f"{name} is due at {written}, and timers here know only rate(...)")
            for target in properties["Targets"]:
                event = self._resolved(target.get("Input"))
                yield Timer(
                    name=name,
                    function=self._function(target["Arn"]),
                    interval=timedelta(**{f"{rate[2]}s": int(rate[1])}),
                    event=None if event is None else json.loads(event),
                )

    def _notifications(self) -> Iterator[Notification]:
        for name, properties in self._of_type(self._written, "AWS::S3::Bucket"):
            news = self._known(properties.get("NotificationConfiguration")) or {}
            for told in news.get("QueueConfigurations", ()):
                if not str(self._resolved(told["Event"])).startswith("s3:ObjectCreated:"):
                    raise TemplateError(f"{name} tells of {told['Event']}; here it tells of new objects only")
                rules = self._resolved(told.get("Filter")) or {"S3Key": {"Rules": []}}
                parts = {rule["Name"].lower(): rule["Value"] for rule in rules["S3Key"]["Rules"]}
                yield Notification(
                    named_resource(told["Queue"]), parts.get("prefix", ""), parts.get("suffix", "")
                )

    def _machine(self) -> Machine | None:
        machines = [*self._of_type(self._written, "AWS::Serverless::StateMachine")]
        if len(machines) > 1:
            raise TemplateError(f"it has {len(machines)} state machines where at most one is run here")
        if not machines:
            return None
        name, properties = machines[0]
        given = {
            key: name if (name := named_resource(value)) in self._written else str(self._resolved(value))
            for key, value in (properties.get("DefinitionSubstitutions") or {}).items()
        }
        text = json.dumps(self._definition(name, properties))
        filled = _PLACEHOLDER.sub(lambda match: given.get(match[1], match[0]), text)
        return Machine(name, json.loads(filled))

    def _definition(self, name: str, properties: Mapping[str, Any]) -> Any:
        uri = properties.get("DefinitionUri")
        if not isinstance(uri, str):
            raise TemplateError(f"state machine {name} has no DefinitionUri that names a file")
        try:
            return yaml.safe_load((self._folder / uri).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise TemplateError(f"the definition of {name} cannot be read: {uri}") from error

    def _of_type(self, resources: Mapping[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, resource in resources.items():
            if resource.get("Type") != kind:
                continue
            if "Condition" in resource and not self._intrinsics.holds(resource["Condition"]):
                continue
            yield name, resource.get("Properties") or {}

    def _function(self, reference: Any) -> str:
        """Return the function that is meant, through its alias if it has one."""
        name = named_resource(reference)
        resource = self._translated.get(name, {})
        if resource.get("Type") == "AWS::Lambda::Alias":
            name = named_resource(resource["Properties"]["FunctionName"])
        if self._translated.get(name, {}).get("Type") != "AWS::Lambda::Function":
            raise TemplateError(
                f"an event calls {name or reference}, which is not a function of this template"
            )
        return name

    def _resolved(self, value: Any) -> Any:
        resolved = self._intrinsics.resolve(value)
        return None if resolved is NO_VALUE else resolved

    def _known(self, value: Any) -> Any:
        """Follow a choice around a value, and leave what stands in it as it is written."""
        chosen = self._intrinsics.chosen(value)
        return None if chosen is NO_VALUE else chosen
