# Helpers of the rules: the checked configuration and what follows from it. Nothing heavy is imported while parsing.
import os
import sys

import pandas as pd
from snakemake.exceptions import WorkflowError
from snakemake.utils import Paramspace

from multiscope import config as settings
from multiscope.errors import InputError
from multiscope.augment import STAGE_VERSION as AUGMENT_VERSION
from multiscope.crop import STAGE_VERSION as CROP_VERSION
from multiscope.data import STAGE_VERSION as DATA_VERSION
from multiscope.data.preflight import check_inputs
from multiscope.embed import STAGE_VERSION as EMBED_VERSION
from multiscope.evaluate import STAGE_VERSION as EVALUATE_VERSION
from multiscope.localize import STAGE_VERSION as LOCALIZE_VERSION
from multiscope.origin import origin
from multiscope.plan.memory import memory_mb
from multiscope.report import STAGE_VERSION as REPORT_VERSION
from multiscope.restore import STAGE_VERSION as RESTORE_VERSION
from multiscope.segment import STAGE_VERSION as SEGMENT_VERSION
from multiscope.split import STAGE_VERSION as SPLIT_VERSION
from multiscope.sweep import STAGE_VERSION as SWEEP_VERSION
from multiscope.sweep.grid import n_parts
from multiscope.trust import STAGE_VERSION as TRUST_VERSION

try:
    RUN = settings.parse_config(config, "config")
    # Snakemake removes a job's former output before the job can object to its input
    check_inputs(RUN, "config")
except InputError as error:
    print(f"multiscope: {error}", file=sys.stderr)
    sys.exit(2)

# environments that Snakemake makes get the package that it runs with: envs/*.post-deploy.sh
os.environ.setdefault("MULTISCOPE_SOURCE", origin())


def one_of(names):
    """Pattern of a wildcard: a path with another name is not made by this run, and Snakemake says so."""
    return "|".join(names) or "(?!)"


def section(name):
    """A stage's resolved section as JSON: what the command gets, and what a change reruns.

    A function, because Snakemake reads the braces of file name patterns in a plain string as wildcards.
    """
    return lambda wildcards: settings.as_json(getattr(RUN, name))


def attempts(value):
    """A resource that grows with each retry."""
    return lambda wildcards, attempt: value * attempt


def memory(rule):
    """MB for a job of a rule, from the shapes in the configuration; more with each retry."""
    return lambda wildcards, attempt: attempt * memory_mb(RUN, rule, wildcards)


def launch(wildcards, resources, threads):
    """What starts a command as several processes: where the profile names the program that does, as `mpi`.

    A function of resources: Snakemake reruns nothing because a job is started in another way.
    """
    program = resources.get("mpi")
    if not program:
        return ""
    if tasks := resources.get("tasks"):
        shape = f"--ntasks={tasks}"
    elif per_node := resources.get("tasks_per_node"):
        shape = f"--nodes={resources.get('nodes', 1)} --ntasks-per-node={per_node}"
    else:
        raise WorkflowError(
            f"resource mpi={program} without tasks or tasks_per_node: say how many processes"
        )
    # all of them end when one fails; the first goes on alone when the others have trained
    return f"{program} {shape} --cpus-per-task={threads} --kill-on-bad-exit=1 --wait=0 "


def launch_training(wildcards, resources, threads):
    """Of `localize`: encoders that one process trains are trained by one, whatever the rule has."""
    shared = RUN.localize.encoders[wildcards.encoder].can_be_shared
    return launch(wildcards, resources, threads) if shared else ""


def folder_of(source):
    """A source as part of a path: restored:cgan is restored_cgan."""
    return source.replace(":", "_")


def data_folder(dataset):
    return f"<results>/data/{dataset}"


def restored_data():
    """The data set that augment and restore work on."""
    return data_folder(RUN.augment.data)


def found_labels(dataset):
    """The label images that `segment` makes of a data set, if it does."""
    segmented = RUN.segment is not None and RUN.segment.data == dataset
    return [f"<results>/segment/{dataset}"] if segmented else []


def uses_network():
    """Whether cells are found by a network of another package."""
    return RUN.segment is not None and RUN.segment.method != "threshold"


def segment_env():
    """The environment that has the package of the method."""
    return f"../../envs/{RUN.segment.method if uses_network() else 'multiscope'}.yaml"


def method_env(wildcards):
    """The environment that has the package of a method of restoration."""
    outside = isinstance(RUN.restore.methods[wildcards.method], settings.Careamics)
    return f"../../envs/{'careamics' if outside else 'multiscope'}.yaml"


def cut_folder(source, seed):
    """What `crop` cut from one source; restored ones are of one seed."""
    folder = f"<results>/crop/{folder_of(source)}"
    return f"{folder}/seed{seed}" if source.startswith("restored:") else folder


def crops_folder(source, seed):
    """Crops that encoders work on: a data set of crops as it is, or what `crop` cut from one source."""
    if RUN.data[RUN.localize.data].holds == "crops":
        return data_folder(RUN.localize.data)
    return cut_folder(source, seed)


def split_folder(seed):
    """The sides of cells that a seed works with: with folds, the seeds take one after the other."""
    folds = RUN.localize.split.folds
    return f"<results>/split/fold{RUN.seeds.index(int(seed)) % folds if folds else 0}"


def crop_sources():
    if RUN.data[RUN.localize.data].holds == "crops":
        return ["clean"]
    return RUN.crop.sources


def all_crops():
    return sorted(
        {cut_folder(source, seed) for source in RUN.crop.sources for seed in RUN.seeds}
    )


def runs(pattern, **wildcards):
    """Folders of all seeds."""
    return expand(pattern, seed=RUN.seeds, allow_missing=True, **wildcards)


def images_of(dataset):
    """What the section of a data set names: what changes there reruns, but not what lies below a folder."""
    return given(RUN.data[dataset].sources.values())


def given(paths):
    """Files that the configuration names; `prefix` of a module that is imported moves what is made, not these."""
    return [local(str(path)) for path in paths if path is not None]


def standards_files():
    """The standards, the sidecars beside them, and the tables of genes and ontologies that they are read with."""
    named, beside = [RUN.evaluate.genes], []
    for standard in RUN.evaluate.standards.values():
        named += [standard.path, standard.genes, standard.ontology]
        beside += [standard.path.with_suffix(".yaml")]
        beside += [standard.path.with_suffix("").with_suffix(".yaml")]  # of a.gmt.gz
    found = {*filter(None, named), *(path for path in beside if path.exists())}
    return given(sorted(found))


def weights_of(stage):
    """The weights file of a content network, where one is named."""
    return given([stage.content.vgg16])


def needs_generator():
    """Whether synthetic pairs are asked for that the generator makes, for `restore` or for the sweep."""
    return RUN.augment.pairs.needs_generator or bool(
        RUN.sweep and RUN.sweep.needs_generator
    )


def extended_generator():
    """The trained generator that learns more defects, where one is named."""
    return given([RUN.augment.cin_gan.extend])


def results_by_stage():
    """What each stage that runs leaves: the inputs of the report, and the targets where there is no report."""
    found = {"data": [data_folder(name) for name in RUN.data]}
    if RUN.augment:
        found["pairs"] = runs("<results>/augment/pairs/seed{seed}")
        if needs_generator():
            found["generator"] = runs("<results>/augment/cin_gan/seed{seed}")
    if RUN.restore:
        found["restored"] = runs(
            "<results>/restore/{method}/seed{seed}", method=RUN.restore.methods
        )
        found["restore_scores"] = "<results>/restore/scores.parquet"
    if RUN.trust:
        found["trust"] = expand("<results>/trust/{method}", method=RUN.restore.methods)
    if RUN.segment:
        found["segmented"] = found_labels(RUN.segment.data)
    if RUN.crop:
        found["crops"] = all_crops()
    if RUN.localize:
        found["localized"] = runs(
            "<results>/localize/{encoder}/seed{seed}", encoder=RUN.localize.encoders
        )
    if RUN.embed:
        found["embeddings"] = runs(
            "<results>/embed/{encoder}/seed{seed}", encoder=RUN.localize.encoders
        )
    if RUN.evaluate:
        found["evaluated"] = "<results>/evaluate"
    return found


def options(**inputs):
    """Inputs as options of a command: --name path, once a path."""
    words = []
    for name, paths in inputs.items():
        for path in [paths] if isinstance(paths, str) else paths:
            words += [f"--{name.replace('_', '-')}", path]
    return words


def scored_runs():
    """Everything that has scores of restored images."""
    restored = runs("<results>/restore/{method}/seed{seed}", method=RUN.restore.methods)
    return restored + [
        f"<results>/sweep/{params}"
        for params in (SWEPT.instance_patterns if RUN.sweep else [])
    ]


def swept():
    """The jobs of a sweep: the runs of one method and seed are one job, or shared among several."""
    jobs = [
        {"method": method, "seed": seed, "parts": parts, "part": part + 1}
        for method in (RUN.sweep.methods if RUN.sweep else [])
        for parts in [parts_of(method)]
        for seed in RUN.sweep.seeds or RUN.seeds
        for part in range(parts)
    ]
    return Paramspace(pd.DataFrame(jobs, columns=["method", "seed", "parts", "part"]))


def parts_of(method):
    """How many jobs share the runs of a method and seed."""
    return n_parts(
        RUN.sweep,
        RUN.augment.pairs,
        defects=RUN.data[RUN.augment.data].defect_names,
        learns_from=RUN.restore.methods[method].learns_from,
    )


SWEPT = swept()

TARGETS = (
    "<results>/report"
    if RUN.report
    else [
        path
        for paths in results_by_stage().values()
        for path in ([paths] if isinstance(paths, str) else paths)
    ]
)


def runs_of_generator(seed):
    """The generator that synthetic pairs are made with, if any."""
    return (
        [f"<results>/augment/cin_gan/seed{seed}"]
        if RUN.augment.pairs.needs_generator
        else []
    )


def crop_settings(wildcards):
    """How cells are cut; which sources are cut is no matter of a single one."""
    return settings.as_json(RUN.crop.model_copy(update={"sources": ["clean"]}))


def pairs_settings(wildcards):
    """How pairs are mixed: the settings of the generator are its own rule's."""
    unset = {"cin_gan": settings.CinGan()}
    return settings.as_json(RUN.augment.model_copy(update=unset))


def train_on(encoder):
    """The source that an encoder learns from."""
    return RUN.localize.encoders[encoder].train_on or RUN.localize.train_on


def is_network(encoder):
    """Whether an encoder is a network that learns or is applied, for which a GPU is of use."""
    return not isinstance(
        RUN.localize.encoders[encoder], (settings.Classic, settings.OneHot)
    )


def trained_elsewhere(encoder):
    """The trained network that an encoder begins with, where one is named."""
    section = RUN.localize.encoders[encoder]
    return given([section.trained if isinstance(section, settings.Transfer) else None])


def training_settings(wildcards):
    """How an encoder is trained: which layer is embedded is no matter of it, and its source is an input."""
    encoder = RUN.localize.encoders[wildcards.encoder]
    default = type(encoder).model_fields["layer"].default
    unset = {"layer": default, "train_on": None}
    return settings.as_json(encoder.model_copy(update=unset))


def method_settings(wildcards):
    """How one method is trained: the others are no matter of it."""
    method = {wildcards.method: RUN.restore.methods[wildcards.method]}
    return settings.as_json(RUN.restore.model_copy(update={"methods": method}))


def sweep_settings(wildcards):
    """What one job of a sweep needs: one method, and how pairs are made, but for the mixes of the other stages."""
    method = {wildcards.method: RUN.restore.methods[wildcards.method]}
    return settings.as_json(
        settings.SweepPlan(
            augment=RUN.augment.model_copy(
                update={
                    "content": settings.Content(),
                    "cin_gan": settings.CinGan(),
                    "pairs": settings.Pairs(
                        physics=RUN.augment.pairs.physics,
                        strengths=RUN.augment.pairs.strengths,
                    ),
                }
            ),
            restore=RUN.restore.model_copy(update={"methods": method}),
            sweep=RUN.sweep.model_copy(
                update={"methods": list(method), "seeds": None, "runs_per_job": None}
            ),
        )
    )
