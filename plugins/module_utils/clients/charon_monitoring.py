# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a charon tells of itself at its ``--monitoring-address``: its metrics, and whether it is ready.

Source: docs/metrics.md of charon v1.10.3; the text format 0.0.4 of Prometheus.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ..errors import DvError
from .http import HttpClient, parse_endpoint

_METRICS, _READY = "/metrics", "/readyz"
_LINE = re.compile(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?")
_LABEL = re.compile(r'\b([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')
_ESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


class Sample(NamedTuple):
    """One value of a metric."""

    labels: Mapping[str, str]
    value: float


class Metrics:
    """What the metrics in a ``text`` were when it was written."""

    def __init__(self, text: str) -> None:
        self._samples: dict[str, list[Sample]] = {}
        for line in text.splitlines():
            match = _LINE.fullmatch(line)
            if match and (value := number(match[3])) is not None:
                labels = {name: re.sub(r"\\.", _unescaped, told) for name, told in _LABEL.findall(match[2] or "")}
                self._samples.setdefault(match[1], []).append(Sample(labels, value))

    def of(self, name: str, **labels: str) -> Iterator[Sample]:
        """The samples of a metric that have these ``labels``."""
        for sample in self._samples.get(name, ()):
            if all(sample.labels.get(label) == value for label, value in labels.items()):
                yield sample

    def value(self, name: str, **labels: str) -> float | None:
        """The first of them, if there is one."""
        return next((sample.value for sample in self.of(name, **labels)), None)


class CharonMonitoring:
    """The monitoring API of a charon."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http

    def metrics(self) -> Metrics:
        """Its metrics.

        :raises DvError: it does not tell, or is no charon
        """
        answer = self.http.request("GET", _METRICS)
        metrics = Metrics(answer.body.decode("utf-8", "replace"))
        if answer.status != 200 or metrics.value("cluster_operators") is None:
            raise DvError(
                f"what answers at {self.http.endpoint} is no charon", "charon's --monitoring-address", "set dv_charon_monitoring_url to it"
            )
        return metrics

    def unready(self) -> str:
        """Why it is not ready, in its own words; empty where it is.

        :raises DvError: it does not tell
        """
        answer = self.http.request("GET", _READY)
        return "" if answer.status == 200 else self.http.shorten(answer.body.decode("utf-8", "replace"))


def at(url: str) -> CharonMonitoring:
    """The charon at ``dv_charon_monitoring_url``; errors as of :func:`.http.parse_endpoint`."""
    return CharonMonitoring(HttpClient(parse_endpoint(url, "dv_charon_monitoring_url")))


def number(text: str) -> float | None:
    """The value of that ``text``, infinite perhaps; ``None`` of anything else, as of NaN."""
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[0], match[0])
