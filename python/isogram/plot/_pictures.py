"""Pictures on axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from numpy.typing import NDArray


def draw_picture(
    ax: Axes, picture: NDArray[Any], box: tuple[float, float, float, float]
) -> AxesImage:
    """Draw a picture into a box: left, top, width and height, where y points down."""
    left, top, width, height = box
    return ax.imshow(
        picture,
        cmap="gray",
        vmin=0,
        vmax=255 if picture.dtype == np.uint8 else 1,
        extent=(left, left + width, top + height, top),
        aspect="equal",
    )


def hide_axes(ax: Axes) -> None:
    """Leave the frame and the ticks of an axes away."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
