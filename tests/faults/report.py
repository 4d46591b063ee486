"""What a person sees: each step as it is taken, a row for each experiment, and the stories of what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from types import TracebackType

    from rich.console import Console

    from tests.faults.experiment import Experiment
    from tests.faults.judging import Result

PROMISED = ("lost", "doubled", "early", "stale", "log", "else")
# What the table shows of the figures; the line of an experiment shows whatever is not 0.
COLUMNS = ("rows", *PROMISED, "unknown", "extra_calls", "seconds")
MOST_SENTENCES = 10


class Report:
    """Says how it goes while it goes; the end of its `with` prints the table."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("")
        self.results: list[Result] = []

    def __enter__(self) -> Report:
        self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()
        if self.results:
            self._console.print(self._table())

    def begin(self, experiment: Experiment) -> None:
        """The next experiment."""
        self._name = experiment.name
        self._console.print(
            f"[bold]{experiment.name}[/]: {experiment.sentence}", highlight=False, soft_wrap=True
        )

    def say(self, sentence: str, *, lasting: bool = False) -> None:
        """What is done now; printed if it is `lasting`, shown for the moment if not."""
        self._status.update(f"{self._name}: {sentence}")
        if lasting:
            self._console.print(f"  {sentence}", markup=False, highlight=False, soft_wrap=True)

    def add(self, result: Result) -> None:
        """What came of it."""
        self.results.append(result)
        verdict = f"[red]{len(result.violations)} violations[/]" if result.violations else "[green]held[/]"
        told = ", ".join(f"{name} {value}" for name, value in result.figures.items() if value)
        self._console.print(f"  {verdict}: {told}", highlight=False, soft_wrap=True)
        for each in result.violations[:MOST_SENTENCES]:
            where = f"occurrence {each.occurrence_id}: " if each.occurrence_id else ""
            self._console.print(
                f"  {each.promise}: {where}{each.sentence}", style="red", markup=False, soft_wrap=True
            )
        for story in result.stories:
            self._console.print(story, markup=False, highlight=False, soft_wrap=True)

    def _table(self) -> Table:
        table = Table(title="Faults")
        table.add_column("experiment", no_wrap=True)
        for name in COLUMNS:
            table.add_column(name.replace("_", " "), justify="right")
        table.add_column("verdict")
        for result in self.results:
            cells = [
                f"[red]{result.figures[name]}[/]" if name in PROMISED and result.figures[name]
                else str(result.figures[name])
                for name in COLUMNS
            ]  # fmt: skip
            table.add_row(result.name, *cells, "[red]FAILED[/]" if result.violations else "[green]held[/]")
        return table
