"""Mastership stays where it is while all cores are busy; ten minutes of it: tests/lab/steady."""
import steadiness


def test_busy_cores_move_nothing(lab):
    result = steadiness.measure(lab.there, lab.watch, 15)
    told = f"the reference timer was late by {result.worst} µs at worst"
    assert result.moves[steadiness.FAST] == [], told
    assert result.unexplained() == [], told
