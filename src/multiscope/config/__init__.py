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
from multiscope.config.screen import Compartment, Effects, VirtualScreen
from multiscope.config.section import Name, Scale, Section, Source

__all__ = [
    "SMALLEST_CROP",
    "STAGES",
    "AnyData",
    "ArrayPair",
    "Augment",
    "Autoencoder",
    "CGan",
    "CinGan",
    "Compartment",
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
    "Localize",
    "Name",
    "OmeZarr",
    "PairArrays",
    "Pairs",
    "Report",
    "Restore",
    "SampleSheet",
    "Scale",
    "Section",
    "Segment",
    "Source",
    "Split",
    "SplitUnit",
    "Standard",
    "VirtualScreen",
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
