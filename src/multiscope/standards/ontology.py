"""Ontologies: members of narrow terms handed on to the wider ones, along is_a and part_of.

Files are OBO or OWL (RDF/XML), read by pronto; what a file imports is not fetched.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from pronto.ontology import Ontology as Pronto
from pronto.relationship import Relationship
from pronto.term import Term, TermSet

from multiscope.config import Relation
from multiscope.errors import InputError
from multiscope.standards.annotations import Annotations
from multiscope.standards.text_file import TextFile, shown

_STARTS = (b"format-version:", b"[Term", b"[Typedef", b"<?xml", b"<rdf:RDF", b"<owl:")
# OBO's name, and the id that OWL files go by
_PART_OF = ("part_of", "BFO:0000050")
_Graph = dict[str, frozenset[str]]


@dataclass(frozen=True)
class Ontology:
    """Which terms are within which."""

    path: Path
    parents: Mapping[str, frozenset[str]]
    """Wider terms of each term that is in use, of its own namespace, one step up; narrow terms come first."""
    titles: Mapping[str, str]
    followed: Mapping[str, str]
    """Terms in use by their alternative ids, and by the obsolete terms that they alone replace."""
    obsolete: frozenset[str]
    """Terms that are neither in use nor replaced by one term."""

    @classmethod
    def read(cls, path: Path, relations: Iterable[Relation] = ("is_a", "part_of")) -> Ontology:
        """Read an OBO or OWL file ; a cycle of relations is an `InputError`."""
        file = TextFile.read(path)
        read = _parsed(file)
        terms = {term.id: term for term in read.terms()}
        current = {name: term for name, term in terms.items() if not term.obsolete}
        if not current:
            raise InputError(f"{path}: has no term in use; expected an ontology, such as go-basic.obo")
        followed = _followed(terms, current)
        return cls(
            path=path,
            parents=_ordered(path, _graph(read, current, relations)),
            titles={name: term.name for name, term in terms.items() if term.name},
            followed=followed,
            obsolete=frozenset(terms.keys() - current.keys() - followed.keys()),
        )

    @property
    def roots(self) -> frozenset[str]:
        """Terms that are within no other, and have others in them."""
        within = frozenset().union(*self.parents.values())
        return frozenset(term for term, wider in self.parents.items() if not wider and term in within)


def propagate(annotations: Annotations, ontology: Ontology) -> None:
    """Give each term the members of all terms within it, once each; ids that are followed or unknown are counted.

    Annotations of which no id is in the ontology are an `InputError`.
    """
    members = _direct(annotations, ontology)
    if not members:
        some = ", ".join(list(annotations.terms)[:3])
        raise InputError(f"{ontology.path}: has none of the terms, such as {shown(some)}; name their ontology")
    for term, wider in ontology.parents.items():  # narrow ones first
        if term in members:
            for parent in wider:
                members.setdefault(parent, set()).update(members[term])
    annotations.terms = dict(sorted(members.items()))
    annotations.titles |= {term: ontology.titles[term] for term in members if term in ontology.titles}


def _direct(annotations: Annotations, ontology: Ontology) -> dict[str, set[str]]:
    """Members by terms in use."""
    members: dict[str, set[str]] = {}
    for term, its in annotations.terms.items():
        now = term if term in ontology.parents else ontology.followed.get(term)
        if now is None:
            annotations.losses["obsolete terms" if term in ontology.obsolete else "terms not in the ontology"] += 1
            continue
        annotations.losses["terms followed to their present id"] += now != term
        members.setdefault(now, set()).update(its)
    return members


def _parsed(file: TextFile) -> Pronto:
    # anything else, such as a packed file within a packed file, is not for pronto to try
    if not file.content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_STARTS):
        raise InputError(f"{file.path}: is no ontology; expected OBO that starts with 'format-version:', or OWL as XML")
    file.encoding()  # pronto would guess what is not UTF-8
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = Path(folder) / "ontology"
        plain.write_bytes(file.content.removeprefix(b"\xef\xbb\xbf"))
        try:
            return Pronto(str(plain), import_depth=0, encoding="utf-8")
        except KeyError as error:
            raise InputError(
                f"{file.path}: names term {shown(str(error))} and does not define it; get it whole"
            ) from None
        except BaseException as error:  # a parser of others on a foreign file; panics of Rust are no Exception
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            what = shown(str(error).replace(str(plain), file.path.name), 200)
            raise InputError(f"{file.path}: is no OBO or OWL that can be read ({what}); get it anew") from None


def _graph(read: Pronto, terms: Mapping[str, Term], relations: Iterable[Relation]) -> _Graph:
    """Terms one step up of each term; those of other namespaces are none, nor those that are not in `terms`.

    A function that is part of a process is no process.
    """
    part_of = _part_of(read)
    graph: _Graph = {}
    for name, term in terms.items():
        wider: set[str] = set()
        if "is_a" in relations:
            wider |= {above.id for above in term.superclasses(distance=1, with_self=False)}
        if "part_of" in relations:
            wider |= {i for relation in part_of for i in term.relationships.get(relation, TermSet()).ids}
        own = term.namespace
        graph[name] = frozenset(i for i in wider & terms.keys() if own in (None, terms[i].namespace or own))
    return graph


def _part_of(read: Pronto) -> list[Relationship]:
    declared = [relation for relation in read.relationships() if relation.id in _PART_OF or relation.name == "part of"]
    # small files use it without declaring it
    return declared or [read.create_relationship(_PART_OF[0])]


def _ordered(path: Path, graph: _Graph) -> _Graph:
    """The same graph with narrow terms before the terms that they are within."""
    sorter: TopologicalSorter[str] = TopologicalSorter({name: () for name in sorted(graph)})
    for name in sorted(graph):
        for wider in sorted(graph[name]):
            sorter.add(wider, name)
    try:
        return {name: graph[name] for name in sorter.static_order()}
    except CycleError as error:
        cycle = " > ".join(error.args[1][:6]) + (" > ..." if len(error.args[1]) > 6 else "")
        raise InputError(
            f"{path}: its terms go in a cycle ({shown(cycle, 200)}); get an ontology without one"
        ) from None


def _followed(terms: Mapping[str, Term], current: Iterable[str]) -> dict[str, str]:
    """Terms in use by ids that are not: alternative ids of one term, and obsolete terms that one term replaces."""
    claims: dict[str, set[str]] = {}
    for name, term in terms.items():
        for other in term.alternate_ids:
            claims.setdefault(other, set()).add(name)
        if term.obsolete:
            claims.setdefault(name, set()).update(term.replaced_by.ids)
    in_use = frozenset(current)
    ends = {name: _end(name, claims, in_use) for name in claims.keys() - in_use}
    return {name: end for name, end in ends.items() if end is not None}


def _end(name: str, claims: Mapping[str, set[str]], in_use: frozenset[str]) -> str | None:
    """Where a chain of replacements ends; None where it splits, goes in a circle or ends nowhere."""
    passed: set[str] = set()
    while name not in in_use:
        following = claims.get(name, set())
        if name in passed or len(following) != 1:
            return None
        passed.add(name)
        (name,) = following
    return name
