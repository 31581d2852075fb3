"""Data sets, one section a reader."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from multiscope.config.acquisition import DataSet, Flatten, Split, SplitUnit
from multiscope.config.defects import DefectName, Defects
from multiscope.config.screen import VirtualCrops, VirtualScreen
from multiscope.config.section import Channels, Section
from multiscope.config.structures import VirtualStructures


class _Images(DataSet):
    """What all data sets of somebody's images share."""

    pixel_size_um: float | None = Field(None, gt=0)
    """Size of a pixel in micrometres; left out: what the files say, if they do."""
    localization: dict[str, str] = {}
    """Compartment of each protein (several joined by `|`), for `localize`."""

    @property
    def knows_localization(self) -> bool:
        """Whether it says where proteins are."""
        return bool(self.localization)


class _Fields(_Images):
    """What all data sets of fields share."""

    plate_map: Path | None = None
    """CSV or TSV with the columns `well` and `protein`, perhaps `plate`: what was in each well."""
    z: Flatten | None = None
    """Flatten z-stacks on reading; left out, they stay stacks, and `crop.z` flattens them."""
    max_fields: int | None = Field(None, ge=4)
    """Use only that many fields, the first by name."""
    defects: Defects = {}
    """Defects put on the images, which are then taken as clean; needed by `augment` and `restore`."""

    @property
    def defect_names(self) -> list[str]:
        """Defects that its fields have."""
        return sorted(self.defects)


class FieldsFolder(_Fields):
    """A folder of field images, with label images beside them where single cells are to be cut."""

    reader: Literal["fields"]
    """Images of many cells, one file a field, or a field and channel."""
    images: Path
    """Folder or zip archive of the images: TIFF, OME-TIFF, PNG, JPEG or BMP."""
    pattern: str = "{field}.tif"
    """File name; `{field}`, `{channel}`, `{protein}`, `{plate}` and `{well}` are read from it, `{_}` is anything."""
    channels: Channels = ["image"]
    """Channels in the order they are stored. With `{channel}` in the pattern: as they stand in the file names. Without:
    names of the channels inside each file, or, where files name none, a name for each of them in their order."""
    labels: Path | None = None
    """Folder or zip archive of label images: 0 is background, every other number one cell or nucleus."""
    labels_pattern: str = "{field}.tif"
    """File name of a label image."""

    @property
    def has_labels(self) -> bool:
        """Whether cells are marked."""
        return self.labels is not None

    @property
    def sources(self) -> dict[str, Path]:
        """Files and folders it is read from, by the key that names them."""
        found = {"images": self.images, "labels": self.labels, "plate_map": self.plate_map}
        return {key: path for key, path in found.items() if path is not None}


class OmeZarr(_Fields):
    """Images, plates or collections in OME-Zarr 0.4 or 0.5; everything is found through their metadata."""

    reader: Literal["ome_zarr"]
    """OME-Zarr."""
    images: Path
    """An image, plate or bioformats2raw collection, or a folder of them."""
    channels: Channels
    """Channels that are used, by the names in the metadata, in the order they are stored."""
    labels: str | None = None
    """Name of the label image beside each image; 0 is background, every other number one cell or nucleus."""

    @property
    def has_labels(self) -> bool:
        """Whether cells are marked."""
        return self.labels is not None

    @property
    def sources(self) -> dict[str, Path]:
        """Files and folders it is read from, by the key that names them."""
        found = {"images": self.images, "plate_map": self.plate_map}
        return {key: path for key, path in found.items() if path is not None}


class SampleSheet(_Fields):
    """A table of images, one row a field, or a field and channel."""

    reader: Literal["sheet"]
    """Images listed in a table."""
    sheet: Path
    """CSV or TSV. Columns `field` and `image` (path of the file or OME-Zarr image, relative to the sheet), and as
    needed `channel`, `labels` (path), `protein`, `plate`, `well`, `site`, `localization`, `split`."""
    channels: Channels = ["image"]
    """Channels in the order they are stored: values of the column `channel`, or names of channels inside the files."""
    labelled: bool = False
    """Whether the sheet has a column `labels`."""

    @property
    def has_labels(self) -> bool:
        """Whether cells are marked."""
        return self.labelled

    @property
    def knows_localization(self) -> bool:
        """Whether it says where proteins are: in a column, perhaps."""
        return True

    @property
    def sources(self) -> dict[str, Path]:
        """Files and folders it is read from, by the key that names them."""
        found = {"sheet": self.sheet, "plate_map": self.plate_map}
        return {key: path for key, path in found.items() if path is not None}


class ArrayPair(Section):
    """Two arrays of images with the same order."""

    degraded: Path
    """`.npy` file of the degraded images (X)."""
    clean: Path
    """`.npy` file of the clean images (Y), row for row."""


class PairArrays(_Images):
    """Pairs of degraded and clean images in arrays, as CARE and many papers publish them."""

    split_units: ClassVar[tuple[SplitUnit, ...]] = ("stack", "field")
    reader: Literal["pairs"]
    """Real pairs."""
    pairs: dict[DefectName, Path | ArrayPair] = Field(min_length=1)
    """For each defect a CARE `.npz` (arrays `X` degraded, `Y` clean, `axes`), or two `.npy` files."""
    axes: str | None = Field(None, pattern=r"^[SCZYX]+$")
    """Axes of the arrays where the files do not say, e.g. `SCYX`; left out: by the number of axes, `SYX`, `SCYX`,
    `SCZYX`, and `SYXC` or `SZYXC` where the last axis is 4 or less."""
    channels: Channels = ["image"]
    """Names of the channels in their order."""
    z: Flatten | None = None
    """Flatten z-stacks on reading, degraded and clean ones alike; needed by `augment` and `restore`."""
    max_fields: int | None = Field(None, ge=4)
    """Use only that many pairs of each defect, evenly spread over the file."""
    split: Split = Split(by="stack")
    """Training, validation and test side; by `stack`, for here these are the pairs of one and the same clean image."""

    @property
    def defect_names(self) -> list[str]:
        """Defects that its fields have."""
        return sorted(self.pairs)

    @property
    def sources(self) -> dict[str, Path]:
        """Files and folders it is read from, by the key that names them."""
        found: dict[str, Path] = {}
        for name, pair in self.pairs.items():
            if isinstance(pair, ArrayPair):
                found |= {f"pairs.{name}.degraded": pair.degraded, f"pairs.{name}.clean": pair.clean}
            else:
                found[f"pairs.{name}"] = pair
        return found


class CropsFolder(_Images):
    """A folder or zip archive of single-cell crops, one file a cell and channel."""

    holds: ClassVar[Literal["fields", "crops"]] = "crops"
    split_units: ClassVar[tuple[SplitUnit, ...]] = ("field", "protein", "cell")
    reader: Literal["crops"]
    """Images of one cell each, all of one size."""
    path: Path
    """Folder or zip archive; searched through all its folders."""
    pattern: str = "{protein}_{field}_{cell}_{channel}.tif"
    """File name; `{protein}`, `{field}`, `{cell}` and `{channel}` are read from it, `{_}` is anything."""
    channels: Channels = ["protein"]
    """Channels as they stand in the file names, in the order they are stored."""

    @property
    def sources(self) -> dict[str, Path]:
        """Files and folders it is read from, by the key that names them."""
        return {"path": self.path}


class CropsFile(_Images):
    """Single-cell crops in one HDF5 file, as DeepLoc publishes them."""

    holds: ClassVar[Literal["fields", "crops"]] = "crops"
    split_units: ClassVar[tuple[SplitUnit, ...]] = ("cell",)
    reader: Literal["deeploc_hdf5"]
    """HDF5 of DeepLoc: rows of pixels and a table of classes."""
    path: Path
    """The HDF5 file."""
    channels: Channels = ["protein", "cytosol"]
    """Names of the channels in their order."""
    classes: list[str] = []
    """Names of the classes in their order, or of the first ones, if only these are wanted; left out: what the file
    says, or else `class_00`, ..."""
    split: Split = Split(by="cell")
    """Training, validation and test side; by `cell`, for the file does not say of which field a cell is."""

    @property
    def knows_localization(self) -> bool:
        """Whether it says where proteins are: the classes do."""
        return True

    @property
    def sources(self) -> dict[str, Path]:
        """Files and folders it is read from, by the key that names them."""
        return {"path": self.path}


AnyData = (
    VirtualScreen
    | VirtualCrops
    | VirtualStructures
    | FieldsFolder
    | OmeZarr
    | SampleSheet
    | PairArrays
    | CropsFolder
    | CropsFile
)
Data = Annotated[AnyData, Field(discriminator="reader")]
