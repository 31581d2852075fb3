"""The command line: one thin command a stage. What a Snakemake rule runs is what a person can type.

Stages are imported when they are called: `multiscope --help` must not wait for torch.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from multiscope import config as settings
from multiscope.errors import InputError, Interrupted
from multiscope.manifest import full_disk

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)

Out = Annotated[Path, typer.Option(help="Folder to make; a former one is replaced when the new one is complete.")]
Section = Annotated[
    str,
    typer.Option(
        "--config",
        help="The stage's section: YAML or JSON text in {}, or a YAML file with it or a whole configuration.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of this run.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Threads = Annotated[int, typer.Option(min=1, help="CPU threads.")]
State = Annotated[
    Path | None, typer.Option(help="Folder of the training state, from which a killed run goes on; default OUT.state.")
]
DataFolder = Annotated[Path, typer.Option("--data", help="Folder made by `data` from fields.")]


def _state(out: Path, state: Path | None) -> Path:
    return state or out.with_name(out.name + ".state")


@app.command()
def data(
    out: Out,
    dataset: Annotated[str, typer.Option(help="Name of the data set, for tables and figures.")],
    section: Section,
) -> None:
    """Read or generate one data set: fields (C, Y, X) or crops (N, C, Y, X), their tables and splits."""
    from multiscope.data.stage import run

    run(out=out, dataset=dataset, config=settings.data_section_from(section, dataset=dataset))


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


@app.command()
def restore(
    data: DataFolder,
    pairs: Annotated[Path, typer.Option(help="Folder made by `pairs`.")],
    out: Out,
    section: Section = "{}",
    seed: Seed = 0,
    state: State = None,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Train the restorer on pairs, restore all degraded fields, score the test fields (PSNR in dB, SSIM)."""
    from multiscope.restore.stage import run

    config = settings.section_from(settings.Restore, section, key="restore")
    run(
        data=data,
        pairs=pairs,
        out=out,
        state=_state(out, state),
        config=config,
        seed=seed,
        device=device,
        threads=threads,
    )


@app.command()
def restore_scores(
    runs: Annotated[list[Path], typer.Option("--run", help="Folder made by `restore`; may be given several times.")],
    out: Annotated[Path, typer.Option(help="Parquet file to write.")],
    csv: Annotated[Path, typer.Option(help="The same table as CSV.")],
) -> None:
    """Gather the scores of all restorers in one table, one row an image, metric and rule."""
    from multiscope.restore.stage import gather_scores

    gather_scores(runs=runs, out=out, csv=csv)


@app.command()
def crop(
    data: DataFolder,
    out: Out,
    section: Section,
    source: Annotated[str, typer.Option(help="clean, degraded or restored:METHOD.")] = "clean",
    restored: Annotated[Path | None, typer.Option(help="Folder made by `restore`, for restored:METHOD.")] = None,
) -> None:
    """Cut single-cell crops (N, C, S, S) and masks (N, 1, S, S) at the cells of the label images."""
    from multiscope.crop.stage import run

    config = settings.section_from(settings.Crop, section, key="crop")
    run(data=data, source=source, restored=restored, out=out, config=config)


@app.command()
def localize(
    crops: Annotated[Path, typer.Option(help="Folder made by `crop`, or by `data` from crops.")],
    out: Out,
    section: Section,
    encoder: Annotated[str, typer.Option(help="Name of the encoder, for tables and figures.")],
    seed: Seed = 0,
    state: State = None,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Train one encoder on the crops of the training fields, one checkpoint an epoch."""
    from multiscope.localize.stage import run

    run(
        crops=crops,
        out=out,
        state=_state(out, state),
        encoder=encoder,
        config=settings.encoder_section_from(section, encoder=encoder),
        seed=seed,
        device=device,
        threads=threads,
    )


@app.command()
def embed(
    crops: Annotated[list[Path], typer.Option(help="Folder of crops; may be given several times, once a source.")],
    model: Annotated[Path, typer.Option(help="Folder made by `localize`.")],
    out: Out,
    section: Section = "{}",
    layer: Annotated[str | None, typer.Option(help="Layer of the network, e.g. d1, d2, d3, latent.")] = None,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Embed every cell (AnnData, N x D) and average the cells of each protein (AnnData and Parquet)."""
    from multiscope.embed.stage import run

    config = settings.section_from(settings.Embed, section, key="embed")
    run(crops=crops, model=model, out=out, config=config, layer=layer, device=device, threads=threads)


@app.command()
def evaluate(
    embeddings: Annotated[list[Path], typer.Option(help="Folder made by `embed`; may be given several times.")],
    out: Out,
    section: Section = "{}",
    data: Annotated[Path | None, typer.Option(help="Folder made by `data`, whose own standards are used too.")] = None,
) -> None:
    """Score the profiles against standards: co-annotation average precision with chance level and interval."""
    from multiscope.evaluate.stage import run

    run(
        embeddings=embeddings,
        out=out,
        config=settings.section_from(settings.Evaluate, section, key="evaluate"),
        data=data,
    )


@app.command()
def report(
    data: Annotated[list[Path], typer.Option(help="Folder made by `data`; may be given several times.")],
    out: Out,
    section: Annotated[str, typer.Option("--config", help="The whole configuration: text in {}, or a YAML file.")],
    generator: Annotated[list[Path], typer.Option(help="Folders made by `augment`.")] = [],  # noqa: B006
    pairs: Annotated[list[Path], typer.Option(help="Folders made by `pairs`.")] = [],  # noqa: B006
    restored: Annotated[list[Path], typer.Option(help="Folders made by `restore`.")] = [],  # noqa: B006
    restore_scores: Annotated[Path | None, typer.Option(help="Table made by `restore-scores`.")] = None,
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
        crops=crops,
        localized=localized,
        embeddings=embeddings,
        evaluated=evaluated,
        benchmarks=benchmarks,
    )


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="A stage's folder.")],
    full: Annotated[bool, typer.Option("--full", help="Compare every sha256, not only names and sizes.")] = False,
) -> None:
    """Check a stage's folder against its manifest."""
    from multiscope.manifest import verify as check

    manifest = check(folder, full=full)
    print(f"{folder}: {len(manifest['files'])} files as the manifest says ({'sha256' if full else 'names and sizes'})")


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A configuration file.")] = Path("config.yaml")) -> None:
    """Check a configuration file and that what it names exists; images are read by `data` alone."""
    from multiscope.data.preflight import check_inputs

    config = settings.load(file)
    check_inputs(config, str(file))
    print(f"{file}: valid; runs {', '.join(settings.stages_of(config))}")


def main() -> None:
    """Run a command: exit code 2 and one line for bad input, 1 for a stopped or failed job."""
    try:
        sys.exit(app(standalone_mode=False))
    except InputError as error:
        _end(str(error), code=2)
    except Interrupted as error:
        _end(str(error), code=1)
    except typer.Abort:
        _end("stopped", code=1)
    except Exception as error:
        if fault := full_disk(error):
            _end(f"the disk is full ({fault}); free space, then run again", code=2)
        if isinstance(error, OSError) and error.filename:
            _end(f"{error.filename}: {error.strerror}; check the path and its permissions", code=2)
        if usage := getattr(error, "format_message", None):  # click's errors of usage, by whichever name typer ships it
            _end(f"{usage()}; see --help", code=2)
        raise


def _end(message: str, *, code: int) -> NoReturn:
    print(f"multiscope: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(code)
