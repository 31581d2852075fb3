"""The command line: one thin command a stage. What a Snakemake rule runs is what a person can type.

Stages are imported when they are called: `multiscope --help` must not wait for torch.
"""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, Literal, NoReturn

import typer

from multiscope import config as settings
from multiscope.errors import InputError, Interrupted
from multiscope.folders.disk import full_disk
from multiscope.folders.parts import Part, read_part

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

data_app = typer.Typer(rich_markup_mode=None)
app.add_typer(data_app, name="data")
restore_app = typer.Typer(rich_markup_mode=None)
app.add_typer(restore_app, name="restore")
evaluate_app = typer.Typer(rich_markup_mode=None)
app.add_typer(evaluate_app, name="evaluate")

_OUT = "Folder to make; a former one is replaced when the new one is complete."
_SECTION = "The stage's section: YAML or JSON text in {}, or a YAML file with it or a whole configuration."
Out = Annotated[Path, typer.Option(help=_OUT)]
Section = Annotated[str, typer.Option("--config", help=_SECTION)]
Seed = Annotated[int, typer.Option(min=0, help="Seed of this run.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]
State = Annotated[
    Path | None, typer.Option(help="Folder of the training state, from which a killed run goes on; default OUT.state.")
]
OnePart = Annotated[
    Part | None,
    typer.Option(
        "--part",
        parser=read_part,
        metavar="K/N",
        help="Do one of N parts of the work; other jobs do the others, and the last one of them completes the output.",
    ),
]
DataFolder = Annotated[Path, typer.Option("--data", help="Folder made by `data` from fields.")]
# of the disk, not of what is analysed: a cluster sets them once, in the environment of its jobs
Loading = Annotated[
    Literal["random", "stream"],
    typer.Option(
        envvar="MULTISCOPE_LOADING",
        help="Crops are read one by one, or in blocks through a shuffle buffer, for disks that are slow at the former; "
        "the order is another one, so the weights differ as with another seed.",
    ),
]
LocalCopy = Annotated[
    bool,
    typer.Option(
        "--local-copy", envvar="MULTISCOPE_LOCAL_COPY", help="Read the crops from a copy on the local disk, in TMPDIR."
    ),
]


def _state(out: Path, state: Path | None) -> Path:
    return state or out.with_name(out.name + ".state")


@data_app.callback(invoke_without_command=True)
def data(
    context: typer.Context,
    out: Annotated[Path | None, typer.Option(help=f"{_OUT} Needed.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Name of the data set, for tables and figures. Needed.")] = None,
    section: Annotated[str | None, typer.Option("--config", help=f"{_SECTION} Needed.")] = None,
    device: Annotated[
        Literal["cpu", "cuda"],
        typer.Option(help="Where cells are generated; on cuda faster, and not to the last bit the same."),
    ] = "cpu",
) -> None:
    """Read or generate one data set: fields (C, Y, X) or crops (N, C, Y, X), their tables and splits."""
    if context.invoked_subcommand is not None:
        return
    # options that a callback requires would be required of its subcommands too
    for option, value in (("--out", out), ("--dataset", dataset), ("--config", section)):
        if value is None:
            context.fail(f"Missing option '{option}'")
    assert out is not None and dataset is not None and section is not None
    from multiscope.data.stage import run

    run(out=out, dataset=dataset, config=settings.data_section_from(section, dataset=dataset), device=device)


@data_app.command("inspect")
def data_inspect(
    path: Annotated[Path, typer.Argument(help="An image file, an OME-Zarr store, a folder or a zip archive of them.")],
    json: Annotated[Path | None, typer.Option(help="JSON file to write: everything that was found.")] = None,
    csv: Annotated[Path | None, typer.Option(help="CSV file to write: one row an image and channel.")] = None,
    max_images: Annotated[int | None, typer.Option(min=1, help="Read the pixels of so many images only.")] = None,
) -> None:
    """Print what images are at PATH, their numbers (exact minimum, maximum, mean; percentiles), and what is wrong."""
    from multiscope.data.inspect import check_writable, inspect
    from multiscope.data.overview import print_overview

    check_writable(json, csv)
    found = inspect(path, max_images=max_images)
    print_overview(found)
    if json is not None:
        json.write_text(found.as_json(), encoding="utf-8")
    if csv is not None:
        found.table().to_csv(csv, index=False)


@data_app.command("fetch")
def data_fetch(
    name: Annotated[str | None, typer.Argument(help="Name of the data set; left out: list what there is.")] = None,
    to: Annotated[Path | None, typer.Option(help="Folder to make; default: one of the data set's name, here.")] = None,
    mirror: Annotated[
        str | None,
        typer.Option(envvar="MULTISCOPE_MIRROR", help="Base address, or folder, that has the files by their names."),
    ] = None,
    sha256: Annotated[str | None, typer.Option(help="The sha256 to expect of its one file, if you know it.")] = None,
    trust_on_first_use: Annotated[
        bool, typer.Option("--trust-on-first-use", help="Accept a file whose sha256 is not known; it is recorded.")
    ] = False,
) -> None:
    """Download a public data set, check its sha256, unpack it, and print its licence and what to cite."""
    from multiscope.public.fetch import fetch, listing

    if name is None:
        print(listing())
        return
    fetch(name, to=to or Path(name), mirror=mirror, sha256=sha256, trust_on_first_use=trust_on_first_use)


@app.command()
def degrade(
    images: Annotated[
        Path, typer.Argument(help="An image file, an OME-Zarr store, a folder or a zip archive of them.")
    ],
    out: Out,
    defect: Annotated[
        str,
        typer.Option(
            help="A forward model: its name, or its settings as YAML in {}, e.g. '{model: noise, photons: 5}'."
        ),
    ],
    seed: Seed = 0,
    offset: Annotated[
        float | None, typer.Option(help="Counts without light; left out: estimated of each channel.")
    ] = None,
) -> None:
    """Put an imaging defect on images by a forward model; writes OUT/degraded.zarr (OME-Zarr)."""
    from multiscope.simulate.defects.store import degrade_store

    model = settings.section_values(defect) if defect.lstrip().startswith("{") else {"model": defect}
    degrade_store(images, out, settings.defect_from(model, "--defect"), seed=seed, offset=offset)


@app.command()
def augment(
    data: DataFolder,
    out: Out,
    section: Section,
    seed: Seed = 0,
    state: State = None,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Train the generator of defects (CIN-GAN) on unpaired clean and degraded patches of the training fields."""
    from multiscope.augment.stage import run_generator

    config = settings.section_from(settings.Augment, section, key="augment")
    run_generator(
        data=data, out=out, state=_state(out, state), config=config, seed=seed, device=device, threads=threads
    )


@app.command()
def pairs(
    data: DataFolder,
    out: Out,
    section: Section,
    generator: Annotated[Path | None, typer.Option(help="Folder made by `augment`; not needed with alpha 1.")] = None,
    seed: Seed = 0,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Mix real and synthetic pairs of patches (N, 1, Y, X), scaled to [-1, 1], for `restore`."""
    from multiscope.augment.stage import run_pairs

    config = settings.section_from(settings.Augment, section, key="augment")
    run_pairs(data=data, generator=generator, out=out, config=config, seed=seed, device=device, threads=threads)


@restore_app.callback(invoke_without_command=True)
def restore(
    context: typer.Context,
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder made by `data` from fields. Needed to train.")
    ] = None,
    pairs: Annotated[Path | None, typer.Option(help="Folder made by `pairs`. Needed to train.")] = None,
    out: Annotated[Path | None, typer.Option(help=f"{_OUT} Needed to train.")] = None,
    method: Annotated[str, typer.Option(help="Name of the method in restore.methods.")] = "cgan",
    section: Section = "{}",
    seed: Seed = 0,
    state: State = None,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Train a restorer on pairs, restore all degraded fields, score the test fields (PSNR in dB, SSIM, and others)."""
    if context.invoked_subcommand is not None:
        return
    for option, value in (("--data", data), ("--pairs", pairs), ("--out", out)):
        if value is None:
            context.fail(f"Missing option '{option}'")
    assert data is not None and pairs is not None and out is not None
    from multiscope.restore.stage import run

    config = settings.section_from(settings.Restore, section, key="restore")
    run(
        data=data,
        pairs=pairs,
        out=out,
        state=_state(out, state),
        method=method,
        config=config,
        seed=seed,
        device=device,
        threads=threads,
    )


@restore_app.command("apply")
def restore_apply(
    model: Annotated[Path, typer.Argument(help="Folder made by `restore`, or one with its model.json and weights.")],
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="An OME-Zarr image, plate or collection, or another image file.")
    ],
    out: Annotated[Path, typer.Argument(help="OME-Zarr to make; one that was made by this command is replaced.")],
    defect: Annotated[str | None, typer.Option(help="What to remove; needed where the model has to be told.")] = None,
    channels: Annotated[
        str | None, typer.Option(help="Channels to restore, a,b; the others are copied. Left out: all.")
    ] = None,
    channel_map: Annotated[
        list[str], typer.Option(help="IMAGE=MODEL: restore a channel as one of the model's; several times.")
    ] = [],  # noqa: B006
    dtype: Annotated[
        Literal["input", "float32"], typer.Option(help="Integers are rounded to those of the input, or kept as floats.")
    ] = "input",
    tile: Annotated[
        int | None, typer.Option(min=4, help="Side of the tiles in pixels; left out: of the patches it learned from.")
    ] = None,
    part: OnePart = None,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Restore an image of any size plane by plane, with its labels, names and pixel size, into an OME-Zarr 0.5."""
    from multiscope.restore.apply import apply_restorer

    apply_restorer(
        model=model,
        source=source,
        out=out,
        defect=defect,
        channels=[name for name in (channels or "").split(",") if name],
        channel_map=_as_map(channel_map, option="--channel-map"),
        device=device,
        threads=threads,
        tile=tile,
        dtype=dtype,
        part=part,
    )


def _as_map(pairs: list[str], *, option: str) -> dict[str, str]:
    """`{a: b}` of `a=b`."""
    found = dict(pair.rpartition("=")[::2] for pair in pairs)
    if wrong := [pair for pair in pairs if not all(pair.rpartition("="))]:
        raise InputError(f"{option} {wrong[0]!a}: is not IMAGE=MODEL, e.g. {option} GFP=gfp")
    if len(found) < len(pairs):
        raise InputError(f"{option}: names a channel of the image twice; name each once")
    return found


@app.command()
def sweep(
    data: DataFolder,
    out: Out,
    method: Annotated[str, typer.Option(help="Name of the method in restore.methods.")],
    section: Annotated[
        str, typer.Option("--config", help="Sections augment, restore and sweep: text in {}, or a configuration file.")
    ],
    generator: Annotated[Path | None, typer.Option(help="Folder made by `augment`, for pairs made by CIN-GAN.")] = None,
    part: Annotated[int, typer.Option(min=1, help="Which part of the runs to do, where several jobs share them.")] = 1,
    parts: Annotated[int, typer.Option(min=1, help="How many parts there are.")] = 1,
    seed: Seed = 0,
    state: State = None,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Train a restorer on every mix of pairs of the sweep, and score the same test fields with each."""
    from multiscope.sweep.stage import run

    run(
        data=data,
        generator=generator,
        out=out,
        state=_state(out, state),
        method=method,
        plan=settings.sweep_plan_from(section),
        part=part,
        parts=parts,
        seed=seed,
        device=device,
        threads=threads,
    )


@app.command()
def restore_scores(
    runs: Annotated[
        list[Path], typer.Option("--run", help="Folder made by `restore` or `sweep`; may be given several times.")
    ],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    csv: Annotated[Path, typer.Option(help="The same table as CSV.")],
) -> None:
    """Gather the scores of all restorers in one table, one row an image, metric and rule."""
    from multiscope.restore.stage import gather_scores

    gather_scores(runs=runs, out=out, csv=csv)


@app.command()
def trust(
    data: DataFolder,
    restored: Annotated[
        list[Path], typer.Option(help="Folder made by `restore`; all of one method, one a seed, several times.")
    ],
    out: Out,
    section: Section = "{}",
) -> None:
    """Look how far one method's test fields can be trusted: seeds that disagree, structures invented or lost."""
    from multiscope.trust.stage import run

    run(data=data, restored=restored, out=out, config=settings.section_from(settings.Trust, section, key="trust"))


@app.command()
def segment(data: DataFolder, out: Out, section: Section) -> None:
    """Find the cells of the clean fields: one label image (Y, X) a field, and their counts."""
    from multiscope.segment.stage import run

    run(data=data, out=out, config=settings.section_from(settings.Segment, section, key="segment"))


@app.command()
def crop(
    data: DataFolder,
    out: Out,
    section: Section,
    source: Annotated[str, typer.Option(help="clean, degraded or restored:METHOD.")] = "clean",
    restored: Annotated[Path | None, typer.Option(help="Folder made by `restore`, for restored:METHOD.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Folder made by `segment`; left out: the data set's own label images.")
    ] = None,
) -> None:
    """Cut single-cell crops (N, C, S, S) and masks (N, 1, S, S) at the cells of the label images."""
    from multiscope.crop.stage import run

    config = settings.section_from(settings.Crop, section, key="crop")
    run(data=data, source=source, restored=restored, labels=labels, out=out, config=config)


@app.command()
def split(
    crops: Annotated[Path, typer.Option(help="Folder made by `crop`, or by `data` from crops.")],
    out: Out,
    section: Section = "{}",
    fold: Annotated[int, typer.Option(min=0, help="Which fold is the test side, from 0; where there are folds.")] = 0,
) -> None:
    """Deal cells to training, validation and test, once for all encoders, and look for leaks."""
    from multiscope.split.stage import run

    config = settings.section_from(settings.CellSplit, section, key="localize.split")
    run(crops=crops, out=out, config=config, fold=fold)


@app.command()
def localize(
    crops: Annotated[Path, typer.Option(help="Folder made by `crop`, or by `data` from crops.")],
    out: Out,
    section: Section,
    encoder: Annotated[str, typer.Option(help="Name of the encoder, for tables and figures.")],
    split: Annotated[
        Path | None, typer.Option(help="Folder made by `split`; left out: the sides of the data set.")
    ] = None,
    classes: Annotated[
        list[str] | None, typer.Option(help="A localization that there may be; several times. Left out: all found.")
    ] = None,
    seed: Seed = 0,
    state: State = None,
    device: Device = "auto",
    threads: Threads = 1,
    loading: Loading = "random",
    local_copy: LocalCopy = False,
) -> None:
    """Train one encoder on the training cells, one checkpoint an epoch."""
    from multiscope.localize.stage import run

    run(
        crops=crops,
        out=out,
        state=_state(out, state),
        encoder=encoder,
        config=settings.encoder_section_from(section, encoder=encoder),
        split=split,
        classes=classes,
        seed=seed,
        device=device,
        threads=threads,
        loading=loading,
        local=local_copy,
    )


@app.command()
def embed(
    crops: Annotated[list[Path], typer.Option(help="Folder of crops; may be given several times, once a source.")],
    model: Annotated[Path, typer.Option(help="Folder made by `localize`.")],
    out: Out,
    section: Section = "{}",
    layer: Annotated[str | None, typer.Option(help="Layer of the network, e.g. d1, d2, d3, latent.")] = None,
    part: OnePart = None,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Embed every cell (AnnData, N x D) and make a profile of each protein from its cells (AnnData and Parquet)."""
    from multiscope.embed.stage import run

    config = settings.section_from(settings.Embed, section, key="embed")
    run(crops=crops, model=model, out=out, config=config, layer=layer, part=part, device=device, threads=threads)


@evaluate_app.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    embeddings: Annotated[
        list[Path], typer.Option(help="Folder made by `embed`; may be given several times. Needed.")
    ] = [],  # noqa: B006
    out: Annotated[Path | None, typer.Option(help=f"{_OUT} Needed.")] = None,
    section: Section = "{}",
    data: Annotated[Path | None, typer.Option(help="Folder made by `data`, whose own standards are used too.")] = None,
    threads: Threads = 1,
) -> None:
    """Score the profiles of embed folders against standards, with chance levels, intervals and controls."""
    if context.invoked_subcommand is not None:
        return
    for option, value in (("--embeddings", embeddings), ("--out", out)):
        if not value:
            context.fail(f"Missing option '{option}'")
    assert out is not None
    from multiscope.evaluate.stage import run

    config = settings.section_from(settings.Evaluate, section, key="evaluate")
    run(embeddings=embeddings, out=out, config=config, data=data, threads=threads)


@evaluate_app.command("profiles")
def evaluate_profiles(
    files: Annotated[list[Path], typer.Argument(help="Tables of profiles: .csv, .tsv, .parquet, .h5ad or .zarr.")],
    standards: Annotated[Path, typer.Option(help="YAML list of standards, see docs/standards.md.")],
    root: Annotated[
        Path | None, typer.Option(help="Folder that the paths in the list are relative to; left out: that of the list.")
    ] = None,
    gene_column: Annotated[str | None, typer.Option(help="Column with the names of proteins.")] = None,
    standardize: Annotated[bool, typer.Option(help="Give each feature mean 0 and standard deviation 1.")] = False,
    clip: Annotated[float | None, typer.Option(min=1e-9, help="Limit features to -CLIP to CLIP.")] = None,
    genes: Annotated[
        Path | None, typer.Option(help="Table of gene names by which profiles are renamed: SGD, HGNC or two columns.")
    ] = None,
    aggregate: Annotated[bool, typer.Option(help="Average rows of one protein instead of refusing them.")] = False,
    out: Annotated[Path | None, typer.Option(help=f"{_OUT} Left out: the scores are only printed.")] = None,
    section: Section = "{}",
    threads: Threads = 1,
) -> None:
    """Score anybody's profiles against standards at every scale, and print the scores with intervals and chance."""
    from multiscope.evaluate.alone import as_text, score_profiles
    from multiscope.evaluate.foreign import read_table
    from multiscope.standards.registry import read_standards

    reading = {"gene_column": gene_column, "standardize": standardize, "clip": clip, "aggregate": aggregate}
    config = settings.section_from(settings.Evaluate, section, key="evaluate")
    config = config.model_copy(update={"genes": genes}) if genes else config
    tables = [read_table(file, **reading) for file in files]  # type: ignore[arg-type]
    print(as_text(score_profiles(tables, read_standards(standards, root), config, out=out, threads=threads)))


@app.command()
def report(
    data: Annotated[list[Path], typer.Option(help="Folder made by `data`; may be given several times.")],
    out: Out,
    section: Annotated[str, typer.Option("--config", help="The whole configuration: text in {}, or a YAML file.")],
    generator: Annotated[list[Path], typer.Option(help="Folders made by `augment`.")] = [],  # noqa: B006
    pairs: Annotated[list[Path], typer.Option(help="Folders made by `pairs`.")] = [],  # noqa: B006
    restored: Annotated[list[Path], typer.Option(help="Folders made by `restore`.")] = [],  # noqa: B006
    restore_scores: Annotated[Path | None, typer.Option(help="Table made by `restore-scores`.")] = None,
    trust: Annotated[list[Path], typer.Option(help="Folders made by `trust`.")] = [],  # noqa: B006
    segmented: Annotated[list[Path], typer.Option(help="Folders made by `segment`.")] = [],  # noqa: B006
    crops: Annotated[list[Path], typer.Option(help="Folders made by `crop`.")] = [],  # noqa: B006
    localized: Annotated[list[Path], typer.Option(help="Folders made by `localize`.")] = [],  # noqa: B006
    embeddings: Annotated[list[Path], typer.Option(help="Folders made by `embed`.")] = [],  # noqa: B006
    evaluated: Annotated[Path | None, typer.Option(help="Folder made by `evaluate`.")] = None,
    benchmarks: Annotated[Path | None, typer.Option(help="Folder of Snakemake's benchmark files.")] = None,
) -> None:
    """Write the page: one HTML file with figures and tables of everything that is named here."""
    from multiscope.report.stage import run

    config = settings.config_from(section)
    run(
        out=out,
        config=config.report or settings.Report(),
        run_config=config,
        data=data,
        generators=generator,
        pairs=pairs,
        restored=restored,
        restore_scores=restore_scores,
        trust=trust,
        segmented=segmented,
        crops=crops,
        localized=localized,
        embeddings=embeddings,
        evaluated=evaluated,
        benchmarks=benchmarks,
    )


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="A stage's folder, or a folder of such, e.g. results.")],
    full: Annotated[bool, typer.Option("--full", help="Compare every sha256, not only names and sizes.")] = False,
) -> None:
    """Check a stage's folder, or all below a folder, against the manifests; one line each."""
    from multiscope.folders.survey import survey

    found = []
    for finding in survey(folder, full=full):
        found.append(finding)
        if finding.is_whole or finding.folder != folder:
            print(finding.line, flush=True)
    bad = [finding for finding in found if not finding.is_whole]
    if bad and bad[0].folder == folder:
        raise InputError(bad[0].line)
    if bad or not found:
        raise InputError(f"{folder}: {len(bad)} of {len(found)} stage folders are damaged or half there, see above")
    if len(found) > 1:
        print(f"{folder}: all {len(found)} stage folders are whole")


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A configuration file.")] = Path("config.yaml")) -> None:
    """Check a configuration file and that what it names exists; images are read by `data` alone."""
    from multiscope.data.preflight import check_inputs

    config = settings.load(file)
    check_inputs(config, str(file))
    print(f"{file}: valid; runs {', '.join(settings.stages_of(config))}")


def _stop(number: int, _: FrameType | None) -> None:
    """End what runs, in good order; a second Ctrl-C ends it at once."""
    for other in (signal.SIGTERM, signal.SIGUSR1):
        signal.signal(other, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    raise Interrupted(f"stopped by {signal.Signals(number).name}; run again to go on with what is finished")


@contextmanager
def stoppable() -> Iterator[None]:
    """End in good order when told to stop (scancel, preemption, time limit, Ctrl-C); trainings have their own way."""
    former = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    options_metavar="[OPTIONS] [ARGUMENTS OF SNAKEMAKE]...",
)
def plan(
    context: typer.Context,
    earlier: Annotated[
        Path | None,
        typer.Option(help="Folder in which the workflow ran before; left out: that of this run."),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="JSON file to write: every job, and the sums.")] = None,
) -> None:
    """List the jobs that `snakemake` with the same arguments would run, with time, memory, GPUs and disk.

    Ends with an error where something cannot fit.
    """
    from multiscope.plan.stage import run

    run(context.args, earlier=earlier, json=json)


def main() -> None:
    """Run a command: exit code 2 and one line for bad input, 1 for a stopped or failed job."""
    try:
        with stoppable():
            code = app(standalone_mode=False)
        sys.exit(code)
    except InputError as error:
        _end(str(error), code=2)
    except Interrupted as error:
        _end(str(error), code=1)
    except Exception as error:
        if fault := full_disk(error):
            _end(f"the disk is full ({fault}); free space, then run again", code=2)
        if isinstance(error, OSError) and error.filename:
            _end(f"{error.filename}: {error.strerror}; check the path and its permissions", code=2)
        if isinstance(error, OSError) and error.errno in (errno.ESTALE, errno.EIO):
            _end(f"a file cannot be read or written any more ({error.strerror}); check the disk, run again", code=2)
        if usage := getattr(error, "format_message", None):  # click's errors of usage, by whichever name typer ships it
            _end(f"{usage()}; see --help", code=2)
        raise


def _end(message: str, *, code: int) -> NoReturn:
    with suppress(OSError):  # the log may lie on the disk that is full
        print(f"multiscope: {' '.join(message.split())}", file=sys.stderr, flush=True)
    raise SystemExit(code)
