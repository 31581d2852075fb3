"""The commands of all stages on the smallest run of the whole chain, as the rules of the workflow give them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from multiscope.folders.manifest import read_manifest
from tests.forks import Forks
from tests.workflow.conftest import TINY

Options = list[str | Path]
_WHOLE = "whole.yaml"
_SPLIT = "{by: cell, train: 0.5, val: 0.2}"


@dataclass
class Commands:
    """Commands of the stages: inputs are those of the `inputs` folder, made once, in the order of the chain."""

    forks: Forks
    inputs: Path
    config: Path
    made: list[str] = field(default_factory=list)

    def __call__(self, stage: str, out: Path) -> Options:
        """The command that makes `out`."""
        section = {"split": _SPLIT, "report": self.config.with_name(_WHOLE)}.get(stage, self.config)
        return [*_COMMANDS[stage](self.inputs), "--config", section, "--out", out]

    def need(self, stage: str) -> None:
        """Make what `stage` reads."""
        for above in list(_COMMANDS)[: list(_COMMANDS).index(stage)]:
            self.whole(above)

    def whole(self, stage: str) -> Path:
        """What `stage` makes when it is left alone."""
        self.need(stage)
        out = self.inputs / stage
        if stage not in self.made:
            ended = self.forks.run(self(stage, out))
            assert ended.code == 0, ended.said
            self.made.append(stage)
        return out


def write_config(path: Path) -> Path:
    """The tiny configuration, smaller still, with trainings that are long enough to be stopped in them."""
    values = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    values["data"]["tiny"] |= {
        "processes_per_compartment": 1,
        "field_size": 96,
        "defects": {"noise": {"model": "noise"}},
    }
    values["augment"]["cin_gan"]["steps"] = values["restore"]["steps"] = 30
    values["augment"]["content"]["steps"] = values["restore"]["content"]["steps"] = 1
    values["crop"] |= {"size": 56, "border": "pad"}
    values["segment"] = {"data": "tiny"}
    values["sweep"] |= {
        "methods": ["cgan"],
        "n_pairs": [1, 2],
        "augmentation": ["flips"],
        "unpaired": [],
        "test_fields": 2,
    }
    values["evaluate"] = {"n_bootstrap": 10}
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    # the cells have labels, so as a whole it may not ask for `segment`, which is tried here by itself
    path.with_name(_WHOLE).write_text(yaml.safe_dump(values | {"segment": None}), encoding="utf-8")
    return path


def content(out: Path) -> Mapping[str, str]:
    """The sha256 of every file of a result, but for the date that the page of the report shows."""
    found = {row["path"]: row["sha256"] for row in read_manifest(out)["files"]}
    page = out / "index.html"
    if page.is_file():
        found["index.html"] = re.sub(r"written [-\d]+ [\d:]+ UTC", "", page.read_text(encoding="utf-8"))
    return found


_COMMANDS: Mapping[str, Callable[[Path], Options]] = {
    "data": lambda at: ["data", "--dataset", "tiny"],
    "augment": lambda at: ["augment", "--data", at / "data"],
    "pairs": lambda at: ["pairs", "--data", at / "data", "--generator", at / "augment"],
    "restore": lambda at: ["restore", "--data", at / "data", "--pairs", at / "pairs", "--method", "cgan"],
    "sweep": lambda at: ["sweep", "--data", at / "data", "--generator", at / "augment", "--method", "cgan"],
    "trust": lambda at: ["trust", "--data", at / "data", "--restored", at / "restore"],
    "segment": lambda at: ["segment", "--data", at / "data"],
    "crop": lambda at: ["crop", "--data", at / "data", "--labels", at / "segment"],
    "split": lambda at: ["split", "--crops", at / "crop"],
    "localize": lambda at: [
        *("localize", "--crops", at / "crop", "--split", at / "split", "--encoder", "deeploc", "--device", "cpu"),
    ],
    "embed": lambda at: ["embed", "--crops", at / "crop", "--model", at / "localize"],
    "evaluate": lambda at: ["evaluate", "--embeddings", at / "embed", "--data", at / "data"],
    "report": lambda at: [
        *("report", "--data", at / "data", "--generator", at / "augment", "--pairs", at / "pairs"),
        *("--restored", at / "restore", "--trust", at / "trust", "--segmented", at / "segment"),
        *("--crops", at / "crop", "--localized", at / "localize", "--embeddings", at / "embed"),
        *("--evaluated", at / "evaluate"),
    ],
}
STAGES = tuple(_COMMANDS)
