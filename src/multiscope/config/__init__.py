"""The configuration: pydantic models closed to unknown keys, and the only place a default is written.

Everything here describes what is analysed. Cores, memory, partitions and output folders belong to profiles and the
command line. It is imported while Snakemake parses, so it imports nothing heavy.
"""

from multiscope.config.acquisition import Defect, DefectName, Defects, Flatten, Split, SplitUnit
from multiscope.config.augment import Augment, CinGan, Content, Pairs
from multiscope.config.crop import SMALLEST_CROP, Crop, Segment
from multiscope.config.data import (
    AnyData,
    ArrayPair,
    CropsFile,
    CropsFolder,
    Data,
    FieldsFolder,
    OmeZarr,
    PairArrays,
    SampleSheet,
)
from multiscope.config.evaluate import Evaluate, Report, Standard
from multiscope.config.faults import parse, tag_of
from multiscope.config.localize import Autoencoder, DeepLoc, Embed, Encoder, EncoderConfig, Localize
from multiscope.config.reading import (
    as_json,
    config_from,
    data_section_from,
    encoder_section_from,
    load,
    parse_config,
    read_yaml,
    section_from,
)
from multiscope.config.restore import CGan, Restore
from multiscope.config.run import STAGES, Config, stages_of
from multiscope.config.screen import (
    YEAST_ONLY,
    Camera,
    Compartment,
    Conditions,
    Effects,
    Labels,
    Morphology,
    Optics,
    Screen,
    VirtualCrops,
    VirtualScreen,
)
from multiscope.config.section import Name, Scale, Section, Source
from multiscope.config.structures import Structure, VirtualStructures

__all__ = [
    "SMALLEST_CROP",
    "STAGES",
    "YEAST_ONLY",
    "AnyData",
    "ArrayPair",
    "Augment",
    "Autoencoder",
    "CGan",
    "Camera",
    "CinGan",
    "Compartment",
    "Conditions",
    "Config",
    "Content",
    "Crop",
    "CropsFile",
    "CropsFolder",
    "Data",
    "DeepLoc",
    "Defect",
    "DefectName",
    "Defects",
    "Effects",
    "Embed",
    "Encoder",
    "EncoderConfig",
    "Evaluate",
    "FieldsFolder",
    "Flatten",
    "Labels",
    "Localize",
    "Morphology",
    "Name",
    "OmeZarr",
    "Optics",
    "PairArrays",
    "Pairs",
    "Report",
    "Restore",
    "SampleSheet",
    "Scale",
    "Screen",
    "Section",
    "Segment",
    "Source",
    "Split",
    "SplitUnit",
    "Standard",
    "Structure",
    "VirtualCrops",
    "VirtualScreen",
    "VirtualStructures",
    "as_json",
    "config_from",
    "data_section_from",
    "encoder_section_from",
    "load",
    "parse",
    "parse_config",
    "read_yaml",
    "section_from",
    "stages_of",
    "tag_of",
]
