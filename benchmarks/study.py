"""Is a study to be believed? Simulated studies whose truth is known, and a crowd at the server.

python benchmarks/study.py coverage [STUDIES]     # intervals and false alarms, by annotators and their differences
python benchmarks/study.py crowd [ANNOTATORS]     # all at once over HTTP: nothing lost, nothing doubled
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from interplay_bench.metrics.paired_tests import holm
from interplay_bench.study.answer_store import AnswerStore
from interplay_bench.study.criteria import read_criteria
from interplay_bench.study.plan import Kind, Plan
from interplay_bench.study.planning import Size, new_plan
from interplay_bench.study.preference import preference
from interplay_bench.study.study_report import CriterionReport, votes_of
from tests.study.conftest import dialogue
from tests.study.served import free_port, served
from tests.study.simulated_annotators import simulated_answers


def plan_of(size: Size, criteria: int) -> Plan:
    sides = [[dialogue(n, word) for n in range(size.pairs)] for word in ("hello", "goodbye")]
    return new_plan(("a", "b"), (sides[0], sides[1]), read_criteria()[:criteria], size, 0)


def coverage(studies: int) -> None:
    print("annotators  true ratio  differ by  interval holds it  significant")
    for annotators in (3, 5, 10):
        plan = plan_of(Size(30, annotators, repeats=0, controls=0), 1)
        for ratio, spread in ((0.5, 0.0), (0.5, 0.2), (0.65, 0.15), (0.65, 0.3)):
            held = significant = 0
            for seed in range(studies):
                votes = votes_of(plan, simulated_answers(plan, ratio, seed, spread=spread), Kind.PAIR)["user_control"]
                found = preference(votes, 0)
                assert found.low is not None
                assert found.high is not None
                held += found.low <= ratio <= found.high
                significant += CriterionReport("", found, holm([found.p])[0], None).significant
            print(
                f"{annotators:10}  {ratio:10}  {spread:9}  {held / studies:17.1%}  {significant / studies:11.1%}",
                flush=True,
            )


def crowd(annotators: int) -> None:
    import httpx

    plan = plan_of(Size(4, annotators, each=2, repeats=0, controls=0), 6)
    folder, port = Path(tempfile.mkdtemp()), free_port()
    plan.write(folder / "plan.json")

    async def work(who: int) -> set[tuple[str, int, str, str]]:
        each, given = plan.annotators[who], set()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=300) as client:
            page = await client.get(f"/join/{each.token}", follow_redirects=True)
            (csrf,) = re.findall(r'name="csrf" value="(\w+)"', page.text)
            await client.post("/consent", data={"csrf": csrf})
            for number in range(1, len(each.showings) + 1):
                for n, criterion in enumerate(plan.criteria):
                    choice = ("left", "tie", "right")[(who + number + n) % 3]
                    form = {"csrf": csrf, "criterion": criterion.key, "choice": choice}
                    done = await client.post(f"/pair/{number}/answer", data=form)
                    assert done.status_code == 303, done.text
                    given.add((each.name, number, criterion.key, choice))
        return given

    async def all_at_once() -> list[set[tuple[str, int, str, str]]]:
        return await asyncio.gather(*(work(who) for who in range(annotators)))

    with served(folder / "plan.json", port):
        start = time.monotonic()
        given = set().union(*asyncio.run(all_at_once()))
        seconds = time.monotonic() - start
    kept = [(a.annotator, a.page, a.criterion, a.choice) for a in AnswerStore(folder / "plan.sqlite").answers()]
    assert (len(kept), set(kept)) == (len(given), given)
    print(f"{annotators} annotators at once, {len(kept)} answers, none lost or doubled: {seconds:.0f} s")


if __name__ == "__main__":
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    coverage(number or 500) if sys.argv[1:2] == ["coverage"] else crowd(number or 200)
