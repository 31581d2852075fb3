"""What a file of a publisher says: members of terms, titles of terms, and what was left out while reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from multiscope.standards.standard import UNKNOWN

NO_MEMBERS = "terms without members"


@dataclass
class Annotations:
    """Members by the id of their term, filled row by row."""

    terms: dict[str, set[str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    """Titles of terms by id, where the file has both."""
    losses: Counter[str] = field(default_factory=Counter)
    organism: str = UNKNOWN
    id_type: str = UNKNOWN
    evidence: str = UNKNOWN
    pairs: bool = False

    def add(self, term: str, members: Iterable[str], title: str = "") -> None:
        """Add `members` to `term`, once each."""
        self.terms.setdefault(term, set()).update(members)
        if title and title != term:
            self.titles.setdefault(term, title)

    def drop(self, terms: Iterable[str], why: str) -> None:
        """Leave out `terms`, counted."""
        for term in terms:
            del self.terms[term]
            self.losses[why] += 1

    def named(self) -> dict[str, frozenset[str]]:
        """Members by `title (id)` of their term, by its id alone where it has no title; empty terms are counted."""
        self.drop([term for term, members in self.terms.items() if not members], NO_MEMBERS)
        return {self._name(term): frozenset(members) for term, members in self.terms.items()}

    def _name(self, term: str) -> str:
        return f"{self.titles[term]} ({term})" if term in self.titles else term
