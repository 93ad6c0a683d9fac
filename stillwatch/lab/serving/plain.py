"""The undefended teacher: everything is served; and a limit on how much of it is."""

from __future__ import annotations

from dataclasses import dataclass

from stillwatch.lab.serving.form import Form, House, Served


@dataclass(frozen=True)
class Full:
    """Reasoning and answer, as the teacher says them."""

    name = "full"
    says = "reasoning and answer, undefended"
    withholds = ""
    truthful = True

    def forwards(self) -> int:
        """None."""
        return 0

    def serve(self, house: House, count: int) -> Served:
        """As it is."""
        return Served(list(house.clean[:count]))


@dataclass(frozen=True)
class Limited:
    """Another form, of which only so many answers get through: what detection and policy do."""

    form: Form
    answers: int

    @property
    def name(self) -> str:
        """`full@250`"""
        return f"{self.form.name}@{self.answers}"

    @property
    def says(self) -> str:
        """The form's, and how many."""
        return f"{self.form.says}; {self.answers:,} answers get through"

    @property
    def withholds(self) -> str:
        """The form's: who isn't stopped gets all of it."""
        return self.form.withholds

    @property
    def truthful(self) -> bool:
        """The form's."""
        return self.form.truthful

    def forwards(self) -> int:
        """The form's."""
        return self.form.forwards()

    def serve(self, house: House, count: int) -> Served:
        """The first of them."""
        return self.form.serve(house, min(count, self.answers))
