"""Findings -> JSON, one object."""

import json
from dataclasses import asdict, dataclass
from typing import Any

from chaos.checker import Findings
from chaos.plan import Storm


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A storm, what was done to it, what came out and how long it took."""

    storm: Storm
    findings: Findings
    faults: dict[str, int]
    seconds: float

    @property
    def is_good(self) -> bool:
        """Whether all was as promised."""
        return not self.findings.problems

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {
            "seed": self.storm.seed,
            "good": self.is_good,
            "seconds": round(self.seconds, 1),
            "storm": asdict(self.storm),
            "faults": self.faults,
            **asdict(self.findings),
        }

    def text(self) -> str:
        """As it is printed."""
        return json.dumps(self.as_json(), indent=2, default=str)
