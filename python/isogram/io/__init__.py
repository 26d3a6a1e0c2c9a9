"""Layers in files: opened by name, read by rows, aligned by the identifiers of their samples.

`open(path)` returns the layers of a file or folder. Each is an array to NumPy and to every function
of isogram, and gives rows of a span, as inputs of a walk over tiles do.

| file | layers | rows are read |
|---|---|---|
| .npy | the array, by the name of the file | through a memory map |
| .npz | members | with all of the layer, once |
| .pt, .pth | tensors in nested dictionaries and lists, `key/key` | through a memory map |
| .safetensors | tensors | through a memory map |
| HDF5 | data sets, `group/name` | in chunks |
| Zarr 2 and 3 | arrays, `group/name` | in chunks |
| Parquet, Arrow, Feather | columns of lists; those of floats, as one | in groups of rows |
| folder | those of its files, `file/name`, and of the folders in it | as those of the files |

Identifiers are an array beside the layers, of strings or integers, one for each sample: by default
the index that pandas wrote to a Parquet file, or else the array called `ids`, `sample_ids`,
`image_ids` or `file_names` in any group: an array or a column, a JSON list in the metadata of a
safetensors file, a list in a .pt file, or a text file of lines in a folder.

Samples of two files are the same rows only where their identifiers say so: `align(a, b)` brings the
second into the order of the first, or says which identifier is the first that does not match.

`save(result, path, …)` writes a result with its provenance; `load(path)` returns both.

Nothing is ever unpickled, and no array is read before it is known to be wanted and to have room.
"""

from __future__ import annotations

from isogram.io._contents import IDENTIFIERS
from isogram.io._layers import Layer, Layers
from isogram.io._open import align, open
from isogram.io._results import Result, fingerprint, load, save

__all__ = [
    "IDENTIFIERS",
    "Layer",
    "Layers",
    "Result",
    "align",
    "fingerprint",
    "load",
    "open",
    "save",
]
