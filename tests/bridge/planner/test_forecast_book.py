"""What was foreseen at noon, and how good that was when the day was over."""

import json
import math
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from bridge.cli_forecast import lines
from bridge.planner.forecast_book import DAYS_KEPT, ForecastBook
from bridge.planner.news import PlanChanged, Trigger
from bridge.planner.outlook import Foreseen
from bridge.planner.plan import HomePlan, PlanStep
from bridge.planner.question import Recorded, steps_from
from bridge.planner.scoring import answer
from bridge.planner.solving import SolveError
from bridge.telemetry.frames import FrameMaker
from bridge.telemetry.store import Store
from bridge.time_zone import time_zone
from hw.module import Capabilities
from hw.reading import Reading

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600


def at(*local):
    return int(datetime(*local, tzinfo=BERLIN).timestamp())


def plan(now, load_w=500.0, price=0.3):
    start, lengths = steps_from(now)
    steps, begin = [], start
    for each in lengths:
        steps.append(PlanStep(begin, each, price, 0.08, load_w, 0.0, load_w, {}))
        begin += each
    count = len(steps)
    rows = ((load_w,) * count, (0.8 * load_w,) * count, (1.5 * load_w,) * count, *((100.0,) * count,) * 3)
    foreseen = Foreseen(*rows, None, "weather")
    return HomePlan(tuple(steps), "EUR", 1.0, None, (), True, 10.0, 0.1, foreseen=foreseen)


class Reckoner:
    """Scores in this process; it can fail."""

    def __init__(self):
        self.asked = []
        self.error = None

    async def __call__(self, what, about, limit):
        assert what == "score"
        self.asked.append(about)
        if self.error is not None:
            raise self.error
        return json.loads(json.dumps(answer(json.loads(json.dumps(about)))))


class Prices:
    """A tariff whose real prices are a little higher than foreseen."""

    def charged(self, start, steps_s):
        return (0.32,) * (len(steps_s) - 1) + (None,)


@pytest.fixture
def reckoner():
    return Reckoner()


@pytest.fixture
def make(home, reckoner, tmp_path):
    home.zone = BERLIN
    recorded = Recorded(str(tmp_path / "telemetry.db"), ("meter",), ("roof",), (), (("dryer", None),))

    def make():
        book = ForecastBook(home, Prices, lambda: recorded, reckon=reckoner)
        book.start()
        return book

    return make


@pytest.fixture
def record(tmp_path):
    """Write down a day: the home takes 400 W besides the planned dryer's 200, and the roof gives 100 W."""

    def record(start, end):
        store = Store(tmp_path / "telemetry.db", time_zone("UTC"))
        for module, power in (("meter", 500.0), ("roof", -100.0), ("dryer", 200.0)):
            maker = FrameMaker()
            readings = (
                Reading(module=module, time=datetime.fromtimestamp(time, UTC), power_w=power)
                for time in range(start, end, 300)
            )
            store.commit([maker.frame(each, Capabilities()) for each in readings])
        store.close()

    return record


def planned(home, clock, now, **more):
    clock.now = now - 1_780_000_000
    home.bus.publish(PlanChanged(plan(now, **more), Trigger.SCHEDULE))


@pytest.mark.parametrize(
    ("day", "quarters"), [((2026, 6, 17), 96), ((2026, 10, 25), 100), ((2027, 3, 28), 92)]
)
async def test_the_first_plan_after_noon_is_scored_when_the_next_day_is_over(
    make, home, clock, reckoner, record, day, quarters
):
    book = make()
    noon = at(day[0], day[1], day[2] - 1, 12)
    planned(home, clock, noon - 600, load_w=1.0)
    planned(home, clock, noon + 60)
    planned(home, clock, noon + 3 * HOUR, load_w=9000.0)
    record(at(*day), at(*day) + quarters * 900)
    await clock.pass_(at(*day) + quarters * 900 - clock.utc())
    assert book.scores() == []
    await clock.pass_(HOUR)
    (score,) = book.scores()
    assert (score.day, score.issued, score.sun_from) == (
        date(*day).isoformat(),
        noon + 60,
        "weather",
    )
    assert len(reckoner.asked[0]["forecast"]["load_w"]) == quarters
    assert score.load["nmae"] == pytest.approx(0.25)
    assert score.load["bias"] == pytest.approx(0.25)
    assert score.load["below_low"] == 0.0
    assert score.load["coverage"] == 1.0
    assert score.solar["nmae"] == 0.0
    assert score.price["mae"] == pytest.approx(0.02)
    assert score.price["coverage"] == pytest.approx(1 - 1 / quarters, abs=1e-4)
    await clock.pass_(24 * HOUR)
    assert len(reckoner.asked) == 1
    await book.stop()


async def test_it_survives_a_restart_and_what_fails_is_tried_again(make, home, clock, reckoner, record):
    book = make()
    planned(home, clock, at(2026, 6, 16, 13))
    await book.stop()
    reckoner.error = SolveError("it hangs")
    again = make()
    await clock.pass_(36 * HOUR)
    assert again.scores() == []
    reckoner.error = None
    await clock.pass_(HOUR)
    (score,) = again.scores()
    assert score.load["nmae"] is None, "nothing was recorded"
    assert score.load["coverage"] == 0.0
    assert score.price["mae"] == pytest.approx(0.02)
    await again.stop()


async def test_what_can_never_be_scored_is_forgotten(make, home, clock, reckoner):
    book = make()
    planned(home, clock, at(2026, 6, 16, 13))
    reckoner.error = SolveError("it hangs")
    await clock.pass_(9 * 24 * HOUR)
    assert [key for key, _ in home.storage.scan("forecast/")] == []
    await book.stop()


async def test_scores_are_bounded_and_what_is_damaged_is_dropped(make, home, clock):
    book = make()
    for day in range(DAYS_KEPT + 5):
        score = {"day": f"2020-{day // 28 + 1:02}-{day % 28 + 1:02}", "issued": 0, "sun_from": "history"}
        home.storage.put(
            f"forecast-score/{score['day']}",
            json.dumps(score | {"load": {}, "solar": {}, "price": {}}).encode(),
        )
    planned(home, clock, at(2026, 6, 16, 13))
    await clock.pass_(36 * HOUR)
    assert len(book.scores()) == DAYS_KEPT
    assert book.scores()[0].day == "2026-06-17"
    home.storage.put("forecast-score/2026-06-18", b"nonsense")
    home.storage.put("forecast/2026-06-19", b"{}")
    assert len(book.scores()) == DAYS_KEPT
    await clock.pass_(HOUR)
    assert home.storage.get("forecast/2026-06-19") is None
    await book.stop()


async def test_the_table_tells_a_person_what_is_foreseen_and_how_good_it_was(make, home, clock, record):
    book = make()
    planned(home, clock, at(2026, 6, 16, 13))
    record(at(2026, 6, 17), at(2026, 6, 18))
    await clock.pass_(36 * HOUR)
    step = {
        "start": at(2026, 6, 18, 18),
        "duration": 3600,
        "price": 0.3125,
        "export_price": 0.08,
        "price_known": False,
        "load_w": 500.0,
        "load_low_w": 400.0,
        "load_high_w": 750.0,
        "solar_w": 90.0,
        "solar_low_w": 20.0,
        "solar_high_w": 200.0,
        "co2_kg_per_kwh": 0.412,
    }
    feed = {
        "name": "price",
        "source": "https://example.org",
        "came": at(2026, 6, 18, 13),
        "until": at(2026, 6, 19),
        "failure": "the server answers 503",
        "lost": True,
    }
    found = {
        "steps": [step, step | {"start": at(2026, 6, 18, 19), "price_known": True, "co2_kg_per_kwh": None}],
        "feeds": [feed],
        "notes": ["A note."],
        "scores": [_plain(each) for each in book.scores()],
    }
    told = list(lines(found, BERLIN))
    await book.stop()
    assert told[:2] == [
        "Prices from https://example.org: came Thu 13:00, known until Fri 00:00; the server answers 503",
        "A note.",
    ]
    assert told[3:5] == [
        "Thu 18:00   ~0.3125      500 (400-750)        90 (20-200)    0.412",
        "Thu 19:00    0.3125      500 (400-750)        90 (20-200)",
    ]
    assert told[-1] == "2026-06-17     25 % (+25 %)       0 % (+0 %)    0.0200     100 %  weather"
    assert not any(math.isnan(each) for each in found["scores"][0]["load"].values() if each is not None)
    assert list(lines({"steps": [], "feeds": [], "notes": [], "scores": []}, BERLIN)) == [
        "Nothing is foreseen: there is no plan.",
        "No day has been scored yet.",
    ]


def _plain(score):
    return {name: getattr(score, name) for name in score.__dataclass_fields__}
