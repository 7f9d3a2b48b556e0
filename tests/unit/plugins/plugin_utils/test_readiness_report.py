# Copyright: (c) 2026, The obol.dv authors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report of a cluster's readiness: it says what was found, needs nothing else, and survives what nodes may tell."""

import collections
import copy
import html.parser
import json
import sys

import pytest
from ansible_collections.obol.dv.plugins.plugin_utils.readiness import charts, figures, report, values
from hypothesis import given, settings
from hypothesis import strategies as st

#: Elements without an end.
VOID = {"meta"}

#: Attributes that a page without scripts and requests has, in HTML and in SVG.
ATTRIBUTES = {
    *("aria-hidden", "aria-label", "aria-labelledby", "charset", "class", "colspan", "content", "href", "http-equiv", "id", "lang", "name"),
    *("open", "role", "scope", "tabindex"),
    *("cx", "cy", "d", "height", "r", "rx", "ry", "transform", "viewbox", "width", "x", "xmlns", "y"),
}

HOSTILE = [
    "\"><script>alert(1)</script><b x='",
    "' onmouseover=alert(1) style=position:fixed x='",
    "</style></title></textarea></svg></table><img src=https://example.org/x onerror=alert(1)>",
    "<!-- <![CDATA[ ]]> &lt;b&gt; &#60;",
    "{{ 7 * 7 }}{% include '/etc/passwd' %}",
    "0x\u202edc\u2066\u200b\x00\x1b[31m\ud800",
    "a" * 1_000_000,
    "line\nof\r\nlines\u2028" * 100,
]


class Page(html.parser.HTMLParser):
    """What a page consists of: its elements, and the text of each with the classes or tags around it."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else None, data))

    def all_of(self, tag):
        return [attributes for each, attributes in self.elements if each == tag]

    @property
    def words(self):
        return " ".join(" ".join(text for tag, text in self.texts if tag != "style").split())


def link(source, target, **more):
    times = [380, 390, 395, 400, 405, 412, 420, 440, 470, 530, 611]
    told = dict(
        by="echo", way="tcp", verdict="ok", sent=20, lost=0, median=412, p95=530, p99=611, jitter=40, times=times, clock_offset=-120
    )
    return {"from": source, "to": target, "text": "", **told, **more}


def check(index, name, value=1200, unit="us", **more):
    return dict(share_index=index, check=name, about="", verdict="ok", value=value, unit=unit, text="", hint="") | more


CHECKS = [
    *(("charon_ready", 1, ""), ("beacon_ping", 1200, "us"), ("beacon_peers", 87, ""), ("execution_head", 7, "s"), ("client_keys", 1, "")),
    *(("mev_ping", 21_000, "us"), ("disk_sync", 1800, "us"), ("disk_free", 812_000, "MB"), ("load", 31, "percent"), ("backup", 1, "")),
]


def judgement(operators=4, **more):
    indices = range(1, operators + 1)
    return {
        "cluster": "my cluster",
        "network": "hoodi",
        "lock_hash": "0x" + "e" * 64,
        "made": "2026-11-30T11:30:00Z",
        "passed": True,
        "score": "A",
        "operators": [dict(share_index=index, measured="2026-11-30T11:29:58Z") for index in indices],
        "links": [link(source, target) for source in indices for target in indices if source != target],
        "checks": [check(index, *each) for index in indices for each in CHECKS],
        "problems": [],
        **more,
    }


def cluster(operators=4, **more):
    return {
        "name": "north",
        "network": "hoodi",
        "config_hash": "0x" + "c" * 64,
        "definition_hash": "0x" + "d" * 64,
        "lock_hash": "0x" + "e" * 64,
        "threshold": 3,
        "operators": [
            dict(share_index=index, address="0x%040x" % index, peer_id="16Uiu2HAm%044d" % index, node="node-%d" % index)
            for index in range(1, operators + 1)
        ],
        "withdrawal": [dict(address="0x" + "8" * 40, kind="a contract")],
        "fee_recipients": ["0x" + "9" * 40],
        "creator": "0x" + "1" * 40,
        "validators": [dict(position=0, pubkey="0x" + "a" * 96, status="pending_queued")],
        "deposits": "0x" + "7" * 40,
        "versions": {"charon": "v1.10.3"},
        **more,
    }


HISTORY = [
    dict(made="2026-11-03T09:00:00Z", score="C", passed=False, median=31_000),
    dict(made="2026-11-07T09:00:00Z", score="B", passed=True, median=9_800),
]

PROBLEMS = [
    dict(verdict="warn", about="operator 3", text="its beacon node has 41 peers", hint="open its p2p port"),
    dict(verdict="fail", about="operator 1 to operator 3", text="no answer", hint="see whether its port is open"),
]

NOTHING_KNOWN = dict.fromkeys(cluster())


def without_numbers(value):
    """The same with no number in it, but those that say who it is about."""
    if isinstance(value, dict):
        return {name: each if name in ("share_index", "from", "to") else without_numbers(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_numbers(each) for each in value]
    return None if isinstance(value, int) and not isinstance(value, bool) else value


def replaced(value, by):
    """The same with another text in the place of each, so that each is still told from others."""
    if isinstance(value, dict):
        return {name: replaced(each, by) for name, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, by) for each in value]
    return by if isinstance(value, str) else value


@pytest.fixture(params=["pygal", "no pygal"])
def library(request, monkeypatch):
    """With and without the library that draws the charts."""
    if request.param == "no pygal":
        monkeypatch.setitem(sys.modules, "pygal", None)
    return request.param == "pygal"


def page(*arguments):
    return Page(report.render(*arguments))


def assert_needs_nothing(found):
    """It is one document, with no script and nothing that a browser would fetch."""
    assert not {tag for tag, _attributes in found.elements} & {
        "script",
        "link",
        "img",
        "iframe",
        "object",
        "embed",
        "form",
        "base",
        "use",
        "image",
    }
    assert {name for _tag, attributes in found.elements for name in attributes} <= ATTRIBUTES
    assert all(each["href"].startswith("#") for each in found.all_of("a"))
    (style,) = [text for tag, text in found.texts if tag == "style"]
    assert "url(" not in style and "@import" not in style
    ids = [attributes["id"] for _tag, attributes in found.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {each["href"][1:] for each in found.all_of("a")} <= set(ids)


def test_the_verdict_goes_first(library):
    words = page(judgement(passed=False, score="C", problems=PROBLEMS), cluster(), []).words.removeprefix("north: Not ready")
    places = [
        words.index(text)
        for text in ("Score C", "north", "Not ready", "operator 1 to operator 3", "operator 3 : its beacon", "Latency Round")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "passed,score,words",
    [
        (True, "A", "Ready"),
        (True, "B", "Ready, with warnings"),
        (True, "C", "Not ready"),
        (False, "A", "Not ready"),
        (None, "B", "Not ready"),
        ("yes", "A", "Not ready"),
        (True, None, "Not known"),
        (True, "A+", "Not known"),
    ],
)
def test_only_what_passed_is_ready(passed, score, words):
    text = report.render(judgement(passed=passed, score=score), cluster(), [])
    assert f'<p class="headline">{words}</p>' in text
    assert ('class="verdict ok"' in text) == (words == "Ready")


def test_structure(library):
    found = page(judgement(problems=PROBLEMS), cluster(), HISTORY)
    assert_needs_nothing(found)
    tags = collections.Counter(tag for tag, _attributes in found.elements)
    assert tags["header"] == tags["main"] == tags["footer"] == tags["h1"] == tags["nav"] == 1
    assert all(each.get("scope") in ("col", "row", "rowgroup") for each in found.all_of("th"))
    assert all(each.get("aria-labelledby") for each in found.all_of("section"))
    assert all(each["role"] == "img" and each["aria-label"] for each in found.all_of("svg"))
    assert len(found.all_of("svg")) == (5 if library else 0)


def test_links(library):
    links = [
        link(1, 2),
        link(1, 3, verdict="fail", median=262_000, lost=3),
        link(2, 1, verdict="warn", by="charon", way="relay", median=None, p95=None, p99=None, jitter=None, times=[], mean=61_000),
        link(3, 3),
        link(9, 1),
    ]
    found = page(judgement(3, links=links), cluster(3), [])
    cells = [(attributes["class"], position) for position, attributes in enumerate(found.all_of("td")[:9])]
    assert [name.split()[0] for name, _position in cells] == ["self", "ok", "fail", "warn", "self", "none", "none", "none", "self"]
    assert "✕ failed 262 3 lost" in found.words and "! warning ≈61.0 relay" in found.words and "– not measured" in found.words
    assert "262 ms, 1 to 3" in found.words


def test_of_several_measurements_of_a_pair_the_worst_is_told():
    links = [link(1, 2), link(1, 2, by="charon", way="relay", verdict="warn", median=None, times=[], mean=50_000)]
    words = page(judgement(2, links=links), cluster(2), []).words
    assert "! warning 0.41 relay" in words


def test_checks():
    told = [
        check(1, "beacon_ping", about="http://127.0.0.1:5052"),
        check(2, "beacon_ping", 140_000, verdict="fail", text="slow", hint="a nearer one"),
        *(
            check(index, "execution_syncing", None, "", verdict="not measured", text="dv_execution_url is not set", hint="set it")
            for index in (2, 1)
        ),
        check(1, "charon_ready", 1, ""),
        check(1, "something_new", 5, "parsecs"),
        check(1, "", "odd", 7, verdict="splendid"),
    ]
    words = page(judgement(2, checks=told), cluster(2), []).words
    assert "ping ✓ ok 1.20 ms http://127.0.0.1:5052 ✕ failed 140 ms" in words
    assert "syncing , operators 1, 2: dv_execution_url is not set set it" in words
    assert "Others something new ✓ ok 5 parsecs – not measured" in words
    order = [words.index(title) for title in ("charon ready", "Beacon node ping", "Execution client syncing", "Others")]
    assert order == sorted(order)


def test_ceremony():
    words = page(judgement(), cluster(), []).words
    for hash_of in "cde":
        assert "0x" + hash_of * 64 in words
    assert f"Withdrawals go to 0x{'8' * 40} a contract Deposits are paid by 0x{'7' * 40} another account than withdrawals go to" in words
    assert "the account that withdrawals go to" in page(judgement(), cluster(deposits="0x" + "8" * 40), []).words
    assert "3 of 4 operators" in words and "charon v1.10.3" in words and "1 in all: 1 pending_queued" in words


def test_many_validators():
    told = [dict(position=place, pubkey="0x%096x" % place, status="active_ongoing") for place in range(1000)]
    words = page(judgement(), cluster(validators=told), []).words
    assert "1000 in all: 1000 active_ongoing" in words and "and 900 more" in words


def test_history(library):
    words = page(judgement(), cluster(), HISTORY).words
    rows = ["2026-11-30 11:30 UTC, this one A yes 0.41", "2026-11-07 09:00 UTC B yes 9.80", "2026-11-03 09:00 UTC C no 31.0"]
    places = [words.index(row) for row in rows]
    assert places == sorted(places)


def test_without_the_library_numbers_are_open_and_it_says_so(library):
    found = page(judgement(), cluster(), HISTORY)
    assert len(found.all_of("details")) == 4
    assert all(("open" in each) != library for each in found.all_of("details"))
    assert report.missing() == ("" if library else charts.MISSING)
    assert (charts.MISSING in found.words) != library


def test_one_operator_is_missing(library):
    told = judgement()
    told["operators"][3]["measured"] = None
    told["links"] = [each for each in told["links"] if each["from"] != 4]
    told["checks"] = [each for each in told["checks"] if each["share_index"] != 4]
    words = page(told, cluster(), []).words
    assert "3 of 4 operators" in words and "not yet" in words
    assert "4 node-4" + " – not measured" * 3 + " itself" in words


def test_nothing_is_known(library):
    for known in ({}, NOTHING_KNOWN):
        words = page({}, known, []).words
        assert "Not known" in words and "Nobody measured a link." in words and "Nothing was checked." in words


def test_no_number_is_known(library):
    found = page(without_numbers(judgement()), without_numbers(cluster()), without_numbers(HISTORY))
    assert_needs_nothing(found)
    assert "Slowest link not measured" in found.words


@pytest.mark.parametrize("number", [0, -1, 1, 0.5, 2**63, 10**5000, float("nan"), float("inf"), True, "7", [], {}], ids=range(12))
def test_odd_numbers(number, library):
    told = judgement(
        2, links=[link(1, 2, **dict.fromkeys(("sent", "lost", "median", "p95", "p99", "jitter", "clock_offset", "mean"), number))]
    )
    told["links"].append(link(2, 1, times=[number] * 11))
    told["checks"] = [check(1, "beacon_ping", number), check(1, "load", number, "percent"), check(number, "load")]
    known = cluster(2, threshold=number, validators=[dict(position=number, pubkey="", status="")])
    assert_needs_nothing(page(told, known, [dict(HISTORY[0], median=number), *HISTORY]))


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts(hostile, library):
    verdicts = dict(problems=PROBLEMS, score="C")
    plain = page(replaced(judgement(**verdicts), "text"), replaced(cluster(), "text"), replaced(HISTORY, "text"))
    text = report.render(
        replaced(judgement(**verdicts), hostile), replaced(cluster(versions={hostile: hostile}), hostile), replaced(HISTORY, hostile)
    )
    found = Page(text)
    assert_needs_nothing(found)
    assert {tag for tag, _attributes in found.elements} == {tag for tag, _attributes in plain.elements}
    assert len(text.encode()) < 1_000_000
    assert not {"\u202e", "\u2066", "\u200b", "\x00", "\x1b", "\u2028", "\r"} & set(text)
    assert "alert(1)" not in text.replace("&gt;alert(1)", "").replace("=alert(1)", "")


def test_hostile_names_of_nodes_stay_out_of_charts():
    """A chart has numbers alone; what it is called is escaped."""
    names = [dict(share_index=index, node=HOSTILE[2]) for index in (1, 2)]
    text = report.render(judgement(2), {**cluster(2), "operators": names}, HISTORY)
    drawn = [part.partition("</svg>")[0] for part in text.split("<svg")[1:]]
    assert len(drawn) == 3 and not any("example.org" in each for each in drawn)


#: All that JSON can hold, with names that mean something.
NAMES = st.sampled_from(
    sorted({*judgement(), *cluster(), *link(1, 2), *check(1, "load"), *PROBLEMS[0], "kind", "position", "pubkey", "status"})
)
WORDS = st.sampled_from(["ok", "fail", "warn", "not measured", "A", "us", "relay", "2026-11-30T11:30:00Z", "0001-01-01T00:00:00+23:59"])
LEAVES = st.none() | st.booleans() | st.integers(-5, 300) | st.integers() | st.floats() | st.text(max_size=20) | WORDS
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=6) | st.dictionaries(NAMES, inner, max_size=8), max_leaves=40)


@given(st.dictionaries(NAMES, VALUES), st.dictionaries(NAMES, VALUES), VALUES)
@settings(max_examples=60, deadline=None)
def test_whatever_it_is_given(told, known, history):
    assert_needs_nothing(page(told, known, history))
    assert_needs_nothing(page(judgement(2) | told, cluster(2) | known, history))


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_one_odd_value_anywhere(data):
    told = copy.deepcopy(dict(judgement=judgement(2, problems=PROBLEMS), cluster=cluster(2), history=HISTORY))
    place = told
    while True:
        key = data.draw(st.sampled_from(sorted(place)) if isinstance(place, dict) else st.integers(0, len(place) - 1))
        if not place[key] or not isinstance(place[key], (dict, list)) or (place is not told and data.draw(st.booleans())):
            break
        place = place[key]
    place[key] = data.draw(VALUES)
    assert_needs_nothing(page(*told.values()))


@pytest.mark.parametrize("operators,most", [(4, 100_000), (20, 1_000_000), (100, 4_000_000)])
def test_size(operators, most, library):
    told = judgement(operators, problems=PROBLEMS * 50)
    assert len(report.render(told, cluster(operators), HISTORY * 50).encode()) < most


def test_lists_that_have_no_end():
    links, checks = [link(1, 2)] * 100_000, [check(1, "load")] * 100_000
    many = [dict(share_index=index % 400, node="x" * 10_000) for index in range(20_000)]
    told = judgement(2, links=links, checks=checks, problems=PROBLEMS * 10_000)
    assert len(report.render(told, cluster(2), HISTORY * 1000).encode()) < 200_000
    assert len(report.render({**judgement(2), "operators": many}, cluster(2), []).encode()) < 12_000_000


def test_the_same_report_of_the_same_facts(library):
    facts = judgement(problems=PROBLEMS), cluster(), HISTORY
    assert report.render(*facts) == report.render(*copy.deepcopy(facts))
    assert report.render(*json.loads(json.dumps(facts))) == report.render(*facts)


@pytest.mark.parametrize(
    "value,unit,shown",
    [
        *((1200, "us", "1.20 ms"), (12_000_000, "us", "12\u202f000 ms"), (0, "us", "0.00 ms"), (87, "", "87"), (1, "", ""), (0, "", "")),
        *((64, "peers", "64 peers"), (31, "percent", "31 %"), (12, "permille", "1.20 %"), (812_000, "MB", "812 GB"), (None, "us", "")),
    ],
)
def test_amounts(value, unit, shown):
    assert figures.amount(value, unit) == shown


@pytest.mark.parametrize(
    "told,shown",
    [
        *(("2026-11-30T11:30:00Z", "2026-11-30 11:30 UTC"), ("2026-11-30T11:30:00+02:00", "2026-11-30 09:30 UTC"), ("soon", "soon")),
        *(("0001-01-01T00:00:00+23:59",) * 2, (None, ""), (7, "")),
    ],
)
def test_moments(told, shown):
    assert figures.moment(told) == shown


def test_texts():
    assert values.text("Zürich \u202e\ud800") == "Zürich \\u202e\\ud800"
    assert values.text("a" * 500) == "a" * 159 + "…"
    assert values.text("a\n  b\t") == "a b"
