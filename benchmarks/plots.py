"""Bars of figures as SVG, small and plain: a bar is the median, the line across its end goes from least to most."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, written

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, LABELS, NUMBERS = 860, 330, 90
ROW, BAR, TOP = 26, 14, 44
# Readable on white and on black pages.
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f } .title { font-weight: 600 } .number { fill: #57606a }
.bar { fill: #2f81f7 } .spread { stroke: #8b949e; stroke-width: 2 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .number { fill: #9198a1 } }
"""


def bars(title: str, figures: Sequence[Figure]) -> str:
    """The whole drawing: a bar for each figure, in their order, on a scale that begins at 0."""
    height = TOP + ROW * len(figures) + 8
    scale = (WIDTH - LABELS - NUMBERS) / (max(figure.most for figure in figures) or 1)
    rows = [_row(figure, TOP + ROW * place, scale) for place, figure in enumerate(figures)]
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    parts = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{escape(title)}">',
        f"<style>{STYLE}</style>",
        f'<text class="title" x="8" y="24">{escape(title)}</text>',
        *rows,
        "</svg>",
    )
    return "\n".join(parts) + "\n"


def _row(figure: Figure, y: int, scale: float) -> str:
    middle, base = y + BAR / 2, y + BAR - 2
    median, least, most = (
        LABELS + scale * max(0.0, value) for value in (figure.median, figure.least, figure.most)
    )
    return (
        f'<text x="{LABELS - 8}" y="{base}" text-anchor="end">{escape(figure.what)}</text>'
        f'<rect class="bar" x="{LABELS}" y="{y}" width="{median - LABELS:.1f}" height="{BAR}"/>'
        f'<line class="spread" x1="{least:.1f}" x2="{most:.1f}" y1="{middle}" y2="{middle}"/>'
        f'<text class="number" x="{most + 8:.1f}" y="{base}">{written(figure.median)}</text>'
    )
