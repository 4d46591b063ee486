"""What names a shard, what does not, and that parts make the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.shards import MOST, WHOLE, NoShard, Shard, in_shard, read_shard


@pytest.mark.parametrize(
    ("text", "shard"),
    [("1/1", WHOLE), ("1/4", Shard(1, 4)), ("4/4", Shard(4, 4)), ("1024/1024", Shard(1024, 1024))],
)
def test_a_shard_is_read_and_written_the_same(text: str, shard: Shard) -> None:
    assert read_shard(text) == shard
    assert str(shard) == text


@pytest.mark.parametrize(
    "text",
    ["0/3", "4/3", "x/y", "1/0", "0/0", "1/99999", "1/1025", "-1/3", "1/-3", "+1/3", "1/2/3", "1", "/", "",
     "1/", "/3", "1.0/3", " 1/3", "1/3 ", "1/3\n", "1 / 3", "١/٣", "²/3", "00001/3"],
)  # fmt: skip
def test_what_is_no_shard_is_refused_with_what_would_be_right(text: str) -> None:
    with pytest.raises(NoShard) as refused:
        read_shard(text)
    assert str(refused.value) == (
        f"--shard: {text!r} is no shard. Use I/N with 1 <= I <= N <= 1024, such as 1/4 for the first of four."
    )


@given(st.integers(0, 10**6), st.integers(1, MOST))
def test_the_parts_together_are_the_whole_and_little_more(rows: int, of: int) -> None:
    parts = [Shard(number, of).part_of(rows) for number in range(1, of + 1)]
    assert rows <= sum(parts) < rows + of
    assert (min(parts) >= 1) == (rows >= 1)


def test_the_condition_asks_for_what_the_shard_gives() -> None:
    assert in_shard("e.id") % Shard(3, 4).parameters == "(4 = 1 OR mod(e.id, 4) = 2)"
