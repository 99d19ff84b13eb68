"""Draws docs/architecture.svg: `python docs/architecture.py`. A test says when the picture is older than this source."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 960, 514
PICTURE = Path(__file__).with_suffix(".svg")


@dataclass(frozen=True)
class Box:
    x: int
    y: int
    width: int
    height: int
    title: str
    lines: tuple[str, ...] = ()
    kind: str = "plain"


@dataclass(frozen=True)
class Arrow:
    points: tuple[tuple[int, int], ...]
    label: str = ""
    at: tuple[int, int] = (0, 0)


BOXES = (
    Box(20, 20, 920, 92, "One program", kind="frame"),
    Box(40, 48, 430, 50, "Layer 1: infra/", ("network, cluster, bucket, roles, operator, model",), "code"),
    Box(490, 48, 430, 50, "Layer 2: jobs/", ("a file for each job: TransformJobArgs(input, model, ...)",), "code"),
    Box(20, 150, 450, 260, "Stack dev: an AWS account", kind="frame"),
    Box(490, 150, 450, 260, "Stack local: no account, no container engine", kind="frame"),
    Box(40, 178, 410, 48, "Pulumi CLI", ("Pulumi's providers for AWS, EKS and Kubernetes",), "aws"),
    Box(510, 178, 410, 48, "Pulumi CLI", ("Pulumi's Kubernetes provider; local ones for AWS, EKS",), "local"),
    Box(40, 250, 195, 60, "EKS", ("ACK SageMaker controller",), "aws"),
    Box(255, 250, 195, 60, "SageMaker", ("batch transform",), "aws"),
    Box(510, 250, 195, 60, "etcd, kube-apiserver", ("operator that acts as ACK's",), "local"),
    Box(725, 250, 195, 60, "AWS endpoint", ("moto, IAM, batch transform",), "local"),
    Box(40, 340, 195, 50, "S3", ("input, model, results",), "aws"),
    Box(255, 340, 195, 50, "XGBoost image 3.0-5", (), "aws"),
    Box(510, 340, 195, 50, "S3", ("input, model, results",), "local"),
    Box(725, 340, 195, 50, "model server", ("the same HTTP contract",), "local"),
    Box(
        150,
        444,
        660,
        50,
        "s3://.../batch_input.csv.out",
        ("stack outputs, tables and metrics, kubectl smlogs, the report",),
        "result",
    ),
)
ARROWS = (
    Arrow(((255, 112), (255, 150)), "make up STACK=dev", (265, 135)),
    Arrow(((705, 112), (705, 150)), "make up", (715, 135)),
    Arrow(((137, 226), (137, 250))),
    Arrow(((607, 226), (607, 250))),
    Arrow(((235, 280), (255, 280))),
    Arrow(((705, 280), (725, 280))),
    Arrow(((352, 310), (352, 340))),
    Arrow(((822, 310), (822, 340))),
    Arrow(((255, 365), (235, 365))),
    Arrow(((725, 365), (705, 365))),
    Arrow(((195, 390), (195, 444))),
    Arrow(((607, 390), (607, 444))),
)
STYLE = """
  text { font-family: system-ui, sans-serif; fill: #1f2933; }
  .title { font-size: 14px; font-weight: 600; } .line { font-size: 12px; } .label { font-size: 12px; font-family: monospace; }
  rect { rx: 6px; stroke-width: 1.2px; }
  .frame { fill: #fbfcfd; stroke: #b8c4ce; } .code { fill: #eef2ff; stroke: #6b7fd7; }
  .aws { fill: #fff4e5; stroke: #e0912f; } .local { fill: #e9f7ef; stroke: #3f9c6b; } .result { fill: #ffffff; stroke: #1f2933; }
  path { stroke: #52606d; stroke-width: 1.4px; fill: none; marker-end: url(#head); }
"""


def draw() -> str:
    """Return the picture as SVG text."""
    head = '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto"><path d="M0,0 L8,4 L0,8 z" style="fill:#52606d;stroke:none;marker-end:none"/></marker></defs>'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Architecture">',
        f"<style>{STYLE}</style>",
        head,
        f'<rect width="{WIDTH}" height="{HEIGHT}" style="fill:#fff;stroke:none"/>',
        *map(_box, BOXES),
        *map(_arrow, ARROWS),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _box(box: Box) -> str:
    rectangle = f'<rect class="{box.kind}" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}"/>'
    if box.kind == "frame":
        return rectangle + _text(box.x + 12, box.y + 20, box.title, "title", "start")
    middle = box.x + box.width // 2
    top = box.y + box.height // 2 + 5 - 9 * len(box.lines)
    lines = [_text(middle, top + 18 * (number + 1), line, "line") for number, line in enumerate(box.lines)]
    return rectangle + _text(middle, top, box.title, "title") + "".join(lines)


def _arrow(arrow: Arrow) -> str:
    path = " L".join(f"{x},{y}" for x, y in arrow.points)
    label = _text(*arrow.at, arrow.label, "label", "start") if arrow.label else ""
    return f'<path d="M{path}"/>{label}'


def _text(x: int, y: int, text: str, style: str, anchor: str = "middle") -> str:
    return f'<text class="{style}" x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'


if __name__ == "__main__":
    PICTURE.write_text(draw())
