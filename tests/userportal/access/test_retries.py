"""What a database undid in favour of another is tried again."""

import pytest


@pytest.fixture
def failing(database, monkeypatch):
    """A function that makes one which fails so many times, and returns how often it was tried."""
    from django.db import OperationalError

    from userportal.access import retries

    monkeypatch.setattr(retries, "PAUSE_SECONDS", 0)

    def make(times):
        tries = []

        @retries.with_retries
        def function():
            tries.append(1)
            if len(tries) <= times:
                raise OperationalError("Deadlock found")
            return len(tries)

        return function

    return make


def test_it_is_tried_again_until_it_is_done(failing):
    assert failing(0)() == 1
    assert failing(5)() == 6


def test_it_is_not_tried_for_ever(failing):
    from django.db import OperationalError

    with pytest.raises(OperationalError):
        failing(6)()


def test_inside_a_transaction_it_is_not_tried_again(failing):
    from django.db import OperationalError, transaction

    with pytest.raises(OperationalError), transaction.atomic():
        failing(1)()
