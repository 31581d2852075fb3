"""The whole page: what is there, what is absent, what is embedded, what is escaped."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from multiscope import config
from multiscope.errors import InputError
from multiscope.folders.manifest import verify
from multiscope.report.stage import run
from tests.report.stages import Tree

ALL = ["summary", "run", "images", "restoration", "amounts", "trust", "synthetic", "training", "localization",
       "confidence", "maps", "neighbours", "biology", "scores", "differences", "beyond", "terms", "cellcounts",
       "standards", "usage"]  # fmt: skip


class Page(HTMLParser):
    """Tags and attributes of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def sections(self) -> list[str]:
        return [attributes["id"] for attributes in self.all("section")]


def make(
    tree: Tree, run_config: config.Config, *, report: config.Report | None = None, **inputs: Any
) -> tuple[str, Path]:
    out = tree.root / "report"
    run(out=out, config=report or config.Report(), run_config=run_config, **inputs)
    return (out / "index.html").read_text(encoding="utf-8"), out


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, run_config: config.Config) -> tuple[str, Path]:
    tree = Tree(tmp_path_factory.mktemp("whole"))
    return make(tree, run_config, report=config.Report(n_examples=1), **tree.everything())


def test_every_section_is_there_and_linked(whole: tuple[str, Path]) -> None:
    page = Page(whole[0])
    assert page.sections == ALL
    assert [link["href"] for link in page.all("a")] == [f"#{name}" for name in ALL]


def test_images_are_embedded_decode_and_have_an_alternative_text(whole: tuple[str, Path]) -> None:
    html, out = whole
    images = Page(html).all("img")
    # 3 defects x 2 channels, worst cases, amounts (PSNR, SSIM, by augmentation), disagreement, synthetic pairs,
    # 5 trained models, 1 confusion matrix, calibration, ROC, confident cells, saliency, 2 maps with and without terms,
    # bars, beyond the compartment, numbers of cells, usage
    assert len(images) == 6 + 3 + 3 + 3 + 1 + 5 + 1 + 4 + 4 + 1 + 1 + 1 + 1
    for image in images:
        kind, _, data = image["src"].partition(";base64,")
        assert kind == "data:image/png"
        decoded = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("L"))
        assert decoded.std() > 1
        assert len(image["alt"]) > 20
    assert len(list((out / "figures").glob("*.png"))) == len(images)


def test_beside_every_figure_lies_its_data_and_the_page_names_it(whole: tuple[str, Path]) -> None:
    html, out = whole
    figures = sorted((out / "figures").glob("*.png"))
    assert figures
    for figure in figures:
        assert len(pd.read_csv(figure.with_suffix(".csv"))) > 0
        assert f"figures/{figure.stem}.csv" in html


def test_nothing_is_requested_and_nothing_runs(whole: tuple[str, Path]) -> None:
    html = whole[0]
    assert not re.search(r"https?:|//[a-z]|@import|url\(", re.sub(r"base64,[^\"]+", "", html))
    page = Page(html)
    assert not page.all("script")
    assert not page.all("link")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def test_the_folder_is_a_finished_stage(whole: tuple[str, Path]) -> None:
    manifest = verify(whole[1], full=True)
    assert manifest["stage"] == "report"
    assert manifest["notes"]["sections"] == ALL
    assert {"data/0", "restored/3", "trust/1", "restore_scores", "evaluated"} <= manifest["inputs"].keys()
    assert sorted(path.name for path in whole[1].iterdir()) == ["figures", "index.html", "manifest.json"]


def test_counts_say_what_was_dropped_and_why(whole: tuple[str, Path]) -> None:
    assert "touches the edge: 13" in whole[0]
    assert "is generated" in whole[0]
    assert "autoencoder trained on this run&#39;s patches; steps 200" in whole[0]


def test_only_data_gives_a_page_without_the_rest(tree: Tree, run_config: config.Config) -> None:
    data = tree.data(defects=(), channels=("image",), generated=False, proteins=(), pixel_size_um=None)
    html, out = make(tree, run_config, data=[data])
    page = Page(html)
    assert page.sections == ["summary", "run", "images"]
    assert len(page.all("img")) == 1
    assert "is real" in html
    assert "no stage that is scored has run" in html
    assert [path.name for path in (out / "figures").glob("*.csv")] == ["fields_screen_image.csv"]


@pytest.mark.parametrize("reader", ["virtual_screen", "virtual_structures"])
def test_generated_images_are_not_called_real(tree: Tree, run_config: config.Config, reader: str) -> None:
    html, _ = make(tree, run_config, data=[tree.data(n_fields=1, reader=reader)])
    assert "is generated" in html and "is real" not in html


def test_data_without_test_fields_has_no_images(tree: Tree, run_config: config.Config) -> None:
    html, out = make(tree, run_config, data=[tree.data(n_fields=1)])
    assert Page(html).sections == ["summary", "run"]
    assert not (out / "figures").exists()


def test_real_data_without_standards_or_seeds(tree: Tree, run_config: config.Config) -> None:
    data = tree.data(defects=("noise",), channels=("protein",), generated=False)
    scores = tree.scores(defects=("noise",))
    html, _ = make(
        tree,
        run_config.model_copy(update={"sweep": None}),
        data=[data],
        restored=[tree.restored(data, defects=("noise",), scores=scores)],
        restore_scores=tree.write_scores(scores),
    )
    page = Page(html)
    assert page.sections == ["summary", "run", "images", "restoration", "training"]
    assert len(page.all("img")) == 3
    assert "defects were put on the images" in html


def test_names_from_users_are_escaped(tree: Tree, run_config: config.Config) -> None:
    attack = "<script>alert(1)</script>"
    data = tree.data(defects=("noise",), channels=(attack,), proteins=(attack,))
    html, _ = make(
        tree,
        run_config,
        report=config.Report(title=f'{attack}"onload="x', n_examples=1),
        data=[data],
        localized=[tree.localized(classes=(attack, "$\\frac{", "nucleus"), encoder="a&b")],
        embeddings=[tree.embedding(symbols=(attack, "$x_"))],
    )
    page = Page(html)
    assert not page.all("script")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert page.sections == ["summary", "run", "images", "training", "localization", "confidence", "maps", "neighbours"]


def test_names_in_scores_and_trust_are_escaped(tree: Tree, run_config: config.Config) -> None:
    data = tree.data(channels=("protein",))
    attack = "<script>alert(1)</script>"
    swept = [tree.scores(methods={attack: 0.0, "care": 0.0}), tree.swept(methods={"care": 0.0})]
    scores = tree.unlike(swept).replace({"augmentation": {"cin_gan": attack}})
    trust = tree.trust(data, [], method="care", feature=attack)
    html, _ = make(tree, run_config, data=[data], restore_scores=tree.write_scores(scores), trust=[trust])
    page = Page(html)
    assert page.sections == ["summary", "run", "images", "restoration", "amounts", "trust"]
    assert not page.all("script")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_names_in_an_evaluation_are_escaped(tree: Tree, run_config: config.Config) -> None:
    attack = "<script>alert(1)</script>"
    described = {attack: {"scale": attack, "licence": attack, "losses": {attack: 3}}, "odd": attack}
    notes = {"standards": described, "circular": {attack: attack}, "places_from": attack, "proteins_lost": {attack: 2}}
    scales = ("complex", f"{attack}$\\frac{{")
    evaluated = tree.evaluated(encoders=(attack, "a&b", "$x_"), scales=scales, notes=notes)
    html, _ = make(tree, run_config, data=[tree.data(defects=())], evaluated=evaluated)
    page = Page(html)
    assert not page.all("script")
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert page.sections[3:] == ["biology", "scores", "differences", "beyond", "terms", "cellcounts", "standards"]
    assert "Circular standard: &lt;script&gt;" in html


def test_an_earlier_evaluation_gives_a_page(tree: Tree, run_config: config.Config) -> None:
    html, _ = make(tree, run_config, data=[tree.data(defects=())], evaluated=tree.evaluated(full=False))
    assert Page(html).sections == ["summary", "run", "images", "biology", "scores", "standards"]
    assert "Not in this evaluation: AP within places" in html


def test_what_trust_left_out_is_said(tree: Tree, run_config: config.Config) -> None:
    data = tree.data(channels=("protein",))
    one = [tree.restored(data)]
    html, _ = make(tree, run_config, data=[data], restored=one, trust=[tree.trust(data, one)])
    assert "Disagreement is left out: needs restorations of two seeds or more." in html
    assert "disagreement_screen_noise" not in html
    assert "All test inputs have the brightness and the spectrum of the training images." in html


def test_a_field_name_that_leads_elsewhere_is_refused(tree: Tree, run_config: config.Config) -> None:
    from multiscope.folders.manifest import stage_output

    out = tree.root / "data" / "evil"
    with stage_output(out, stage="data", version=1, config={}, inputs={}) as made:
        table = pd.DataFrame({"field_id": ["a"], "path": ["../../secret"], "protein": "", "split": "test"})
        table.to_parquet(made.path / "fields.parquet")
    with pytest.raises(InputError, match="cannot be a name"):
        make(tree, run_config, data=[out])
    assert not (tree.root / "report").exists()


def test_a_damaged_input_is_named(tree: Tree, run_config: config.Config) -> None:
    data = tree.data()
    (data / "fields.parquet").unlink()
    with pytest.raises(InputError, match=r"fields\.parquet is missing"):
        make(tree, run_config, data=[data])


def test_the_same_inputs_give_the_same_figures(tree: Tree, run_config: config.Config) -> None:
    inputs: dict[str, Any] = {"data": [tree.data(defects=())], "embeddings": [tree.embedding()]}
    _, out = make(tree, run_config, **inputs)
    first = {path.name: path.read_bytes() for path in (out / "figures").iterdir()}
    make(tree, run_config, **inputs)
    assert first == {path.name: path.read_bytes() for path in (out / "figures").iterdir()}


def test_real_pairs_are_not_said_to_have_defects_made_by_models(tree: Tree, run_config: config.Config) -> None:
    for reader, said in (("pairs", "They are real pairs"), ("fields", "put on the images by forward models")):
        data = tree.data(reader, defects=("noise",), reader=reader)
        run(out=tree.root / f"report_{reader}", config=config.Report(), run_config=run_config, data=[data])
        html = (tree.root / f"report_{reader}" / "index.html").read_text(encoding="utf-8")
        assert said in html
        assert ("forward models" in html) == (reader == "fields")
