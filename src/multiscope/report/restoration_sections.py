"""The sections on restoration: scores and worst cases, amounts of pairs, trust, synthetic pairs."""

from __future__ import annotations

import pandas as pd

from multiscope.report import (
    amounts,
    restoration,
    restoration_answers,
    restoration_tables,
    synthetic,
    trusted,
    worst,
)
from multiscope.report.album import Album
from multiscope.report.blocks import Block, Details, Section, Terms, Text
from multiscope.report.results import Results

_RULES = (
    ("fixed", "Images are compared as they are, over the range of the data set. Errors of brightness count. The "
     "summary uses this rule."),
    ("affine", "Each image is first fitted to the clean one by a gain and an offset (least squares, as in CARE). "
     "Errors of overall brightness are forgiven."),
    ("published", "Each image is first stretched to its own minimum and maximum, as in the published code of the "
     "method. One hot pixel can change the score; do not compare it with scores under another rule."),
)  # fmt: skip
_TRUST_TERMS = (
    ("error", "Mean absolute difference to the clean image, as a share of the data's range."),
    ("seeds disagree", "Standard deviation over restorers trained from several seeds. It needs no clean image."),
    ("foretells error", "Rank correlation of that map with the error map: 1 where the seeds disagree exactly where "
     "they are wrong, 0 where disagreement says nothing. All seeds can be wrong alike."),
    ("consistency", "The restored image is degraded again by the forward model and compared with the input, as the "
     "clean image is: the ratio of what both leave unexplained. About 1: as good an explanation of the input as the "
     "truth. Above 1: something was lost or invented that the input shows. Below 1: noise of the input was kept. The "
     "input's own row is what a mere copy gets. Where the defect has no noise, the unit is one percent of the range."),
    ("structures", "Found by one threshold method in the clean, the degraded and the restored image. Two are the same "
     "one if they share most of their union; one that was split, merged or grown beyond that counts as lost and its "
     "pieces as invented. Of several seeds the mean."),
)  # fmt: skip


def restored(album: Album, results: Results) -> Section | None:
    """All methods beside the input, and the worst that each has done."""
    scores = _own_scores(results)
    if scores is None or scores.empty:
        return None
    compared = restoration.compare(scores)
    results.answers.append(restoration_answers.restoration_answers(scores, compared))
    text = (
        "Test images against their clean originals. The first row of each defect is the degraded image with nothing "
        "done: a method that does not beat it has not helped. Scores of one rule cannot be compared with those of "
        "another. A higher score does not prove that fine structure is right. The best of several methods was chosen "
        "on these very images, so its score is a little flattering."
    )
    rules = restoration_tables.rules_of(compared)
    first = "fixed" if "fixed" in rules else rules[0]
    blocks: list[Block] = [Text(text), restoration_tables.main_table(compared, first)]
    blocks += [
        Details(f"All measures, rule: {rule}", blocks=[restoration_tables.details_table(compared, rule)])
        for rule in rules
    ]
    blocks.append(Terms([item for item in _RULES if item[0] in rules]))
    blocks.append(Details("What the measures are", blocks=[Terms(restoration.MEANINGS)]))
    plots = [
        plot
        for data in results.data
        if (own := results.restored_from(data))
        for plot in worst.worst_cases(album, data, own, scores, results.pixel_size(data))
    ]
    if plots:
        text = (
            "Worst cases: of each method the test image and seed that gained least in PSNR, or lost most. Look for "
            "structures that the clean image does not have, and for those that are gone."
        )
        blocks += [Text(text), *plots]
    return Section("restoration", "Restoration", blocks)


def _own_scores(results: Results) -> pd.DataFrame | None:
    """Scores of the restorers whose images are shown; without their folders all that there are, a sweep's too."""
    own = restoration.scores_of_runs(results.restored)
    if own is None and results.restore_scores is not None:
        return restoration.read_scores(results.restore_scores)
    return own


def amounts_of_pairs(album: Album, results: Results) -> Section | None:
    """The sweep over amounts of data."""
    sweep = results.run_config.sweep
    if sweep is None or results.restore_scores is None:
        return None
    swept = amounts.swept_scores(restoration.read_scores(results.restore_scores), sweep)
    tables = amounts.settings_tables(swept)
    if not tables:
        return None
    text = (
        "Every method was trained on several amounts of pairs, all with the same number of steps, and scored on the "
        "same test images under the rule fixed. Augmentation is how more was made of the pairs: alpha is the share of "
        "real pairs in the mix, 'made' the number of synthetic ones of each defect. In setting A there are few real "
        "pairs, in setting B none. Methods that learn from unpaired images look at no pairs and stand in setting B; "
        "filters learn a few numbers only and are fitted without synthetic pairs where there are real ones."
    )
    return Section("amounts", "Amounts of pairs", [Text(text), *tables, *amounts.amount_plots(album, swept, sweep)])


def trusted_section(album: Album, results: Results) -> Section | None:
    """What can be said of restored images beside their scores."""
    if not results.trust:
        return None
    table = trusted.read_trust(results.trust)
    if table.empty:
        return None
    answer = trusted.structure_answers(table)
    if answer.items:
        results.answers.append(answer)
    text = (
        "Scores are means over images and pixels. Here is whether a single restored image can be believed: where "
        "restorers of several seeds disagree, whether the restoration explains the image it was made from, whether "
        "structures were lost or invented, and which inputs are unlike what the restorers were trained on."
    )
    blocks: list[Block] = [Text(text), trusted.trust_table(table), Terms(_TRUST_TERMS)]
    left_out = {
        f"{name.capitalize()} is left out: {reason}."
        for folder in results.trust
        for name, reason in folder.notes.get("left_out", {}).items()
    }
    blocks += [Text(reason) for reason in sorted(left_out)]
    for data in results.data:
        own = [trust for trust in results.trust if trust.notes.get("dataset") == data.name]
        if own and (restored_from := results.restored_from(data)):
            size = results.pixel_size(data)
            blocks += trusted.disagreement_maps(album, data, own, restored_from, table, size)
    strangers = trusted.strangers_table(table)
    if strangers is not None:
        text = (
            "Inputs that are unlike the training images: more than half of their patches have a brightness or a "
            "spectrum that 99 of 100 training patches do not reach. A restorer answers them all the same."
        )
        blocks += [Text(text), strangers]
    elif table["familiar"].notna().any():
        blocks.append(Text("All test inputs have the brightness and the spectrum of the training images."))
    return Section("trust", "Trust", blocks)


def made_pairs(album: Album, results: Results) -> Section | None:
    """Synthetic pairs beside real ones."""
    blocks = synthetic.synthetic_blocks(album, results.pairs)
    if not blocks:
        return None
    text = (
        "Synthetic pairs teach a restorer what real pairs are too few for. Their defects should look like real ones, "
        "and differ from one another. The clean side of a pair is always a real image."
    )
    return Section("synthetic", "Synthetic pairs", [Text(text), *blocks])
