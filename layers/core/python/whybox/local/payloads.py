"""Events and answers on their way between gateway and function: JSON, and the body beside it as it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

from whybox.local.worker import HEAD_BYTES, frame_length


@dataclass(frozen=True, slots=True)
class Payload:
    """What Lambda would carry as one JSON document.

    A body makes up nearly all of it, and quoting half a megabyte as text in JSON, twice on its way, costs
    more than everything else between a client and its function.

    Attributes
    ----------
    head : the document as JSON, without ``body`` where that stands beside it
    body : what ``body`` stands for; in an event the bytes themselves, in an answer its text in UTF-8;
        empty where the document has none, or has it in the head
    """

    head: bytes
    body: bytes = b""

    @classmethod
    def of(cls, document: Any) -> Self:
        """Return a document whole; characters that UTF-8 cannot carry become question marks."""
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        return cls(text.encode("utf-8", "replace"))

    @classmethod
    def of_answer(cls, reply: bytes) -> Self:
        """Return an answer from a worker's reply: a frame with the head, and the body after it."""
        body_at = HEAD_BYTES + frame_length(reply[:HEAD_BYTES])
        return cls(reply[HEAD_BYTES:body_at], reply[body_at:])

    def value(self) -> Any:
        """Return the document of an answer."""
        document = json.loads(self.head)
        return {**document, "body": self.body.decode("utf-8")} if self.body else document
