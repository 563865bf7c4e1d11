"""Who is next at the hash function."""

import asyncio
import threading

from command_api.accounts.handlers.passwords import Passwords


class Hashing:
    """Checks passwords one by one when it is told to, and notes their order."""

    def __init__(self) -> None:
        self.checked: list[str] = []
        self._go_on = threading.Semaphore(0)

    def verify(self, password_hash: str, password: str) -> bool:
        assert self._go_on.acquire(timeout=60)
        self.checked.append(password)
        return password_hash == password

    def go_on(self, times: int) -> None:
        for _ in range(times):
            self._go_on.release()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_has_not_failed_goes_before_thirty_guessers() -> None:
    hashing = Hashing()
    passwords = Passwords(hashing.verify)
    guessing = [
        asyncio.create_task(passwords.matches("hash", f"guess {number}", failures=1))
        for number in range(30)
    ]
    await settled()
    right = asyncio.create_task(passwords.matches("right", "right", failures=0))
    await settled()
    # Two were under way before.
    hashing.go_on(3)
    assert await right
    assert len(hashing.checked) <= 3
    hashing.go_on(28)
    assert not any(await asyncio.gather(*guessing))


async def test_made_up_names_take_no_turn_while_somebody_has_one() -> None:
    hashing = Hashing()
    passwords = Passwords(hashing.verify)
    known = asyncio.create_task(passwords.matches("right", "right", failures=0))
    await settled()
    made_up = [passwords.matches(None, "guess", failures=0) for _ in range(200)]
    assert not any(await asyncio.gather(*made_up))
    assert not known.done()
    hashing.go_on(1)
    assert await known
    assert hashing.checked == ["right"]


async def test_a_made_up_name_costs_a_check_where_nobody_waits_for_one() -> None:
    hashing = Hashing()
    passwords = Passwords(hashing.verify)
    hashing.go_on(1)
    assert not await passwords.matches(None, "guess", failures=0)
    assert hashing.checked == ["guess"]


async def test_who_goes_away_while_waiting_keeps_no_turn() -> None:
    hashing = Hashing()
    passwords = Passwords(hashing.verify)
    leaving = [asyncio.create_task(passwords.matches("hash", "left", failures=0)) for _ in range(5)]
    await settled()
    for one in leaving[2:]:
        one.cancel()
    hashing.go_on(3)
    assert await passwords.matches("right", "right", failures=9)
    # Threads that were told to go on may not have come to it yet.
    await asyncio.gather(*leaving, return_exceptions=True)
    assert sorted(hashing.checked) == ["left", "left", "right"]
