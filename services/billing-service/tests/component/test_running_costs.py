"""What a session has cost so far, and that its end costs the same."""

from bill_books import Books, amounts, ended, started, updated

from csms_shared.contracts.billing import BillStatus


async def test_a_session_that_goes_on_shows_what_it_has_cost_so_far(books: Books) -> None:
    await books.assign()
    books.ask.goes_on(1, (10, 2_000))
    await books.tell(started(1), updated(1))
    await books.running.round()
    cost = await books.cost(1)
    assert (cost.final, cost.status, *amounts(cost)) == (False, BillStatus.RUNNING, "0.35", "0.42")
    assert cost.tariff_name == "By kWh"
    assert cost.lines
    ((_, told),) = await books.told("transaction.")
    assert told["total_incl_vat"] == "0.42"
    assert told["measured_at"] == "2026-11-20T08:10:00.000Z"
    summary = (await books.costs(1)).costs["1"]
    assert (summary.total_incl_vat, summary.final) == ("0.42", False)


async def test_what_changes_no_amount_is_not_told(books: Books) -> None:
    await books.assign()
    books.ask.goes_on(1, (10, 2_000))
    for minutes in (10, 11, 12):
        books.ask.goes_on(1, (10, 2_000), (minutes, 2_000))
        await books.tell(updated(1))
        await books.run("UPDATE session SET running_due_at = now()")
        await books.running.round()
    assert await books.keys("transaction.") == ["transaction.cost_changed"]


async def test_it_is_calculated_once_a_minute_at_most(books: Books) -> None:
    await books.assign()
    books.ask.goes_on(1, (10, 2_000))
    await books.tell(updated(1))
    await books.running.round()
    books.ask.goes_on(1, (11, 3_000))
    await books.tell(updated(1))
    assert await books.running.round() == 0
    assert await books.run(
        "SELECT 1 FROM session WHERE running_due_at = calculated_at + interval '60 s'"
    )


async def test_without_a_tariff_it_has_no_amount(books: Books) -> None:
    books.ask.goes_on(1, (10, 2_000))
    await books.tell(updated(1))
    await books.running.round()
    cost = await books.cost(1)
    assert (cost.status, cost.total_incl_vat, cost.lines) == (BillStatus.RUNNING, None, [])
    assert await books.told() == []


async def test_an_end_that_comes_meanwhile_is_not_written_over(books: Books) -> None:
    await books.assign()
    books.ask.goes_on(1, (10, 2_000))

    async def end() -> None:
        books.ask.meanwhile = None
        await books.tell(ended(1))

    books.ask.meanwhile = end
    await books.tell(updated(1))
    await books.running.round()
    assert await books.keys("transaction.") == []
    books.ask.know(1, revision=1, stopped_at="2026-11-20T09:00:00.000000Z", meter_stop=11_000)
    await books.settle()
    assert amounts(await books.cost(1)) == ("3.50", "4.17")


async def test_who_tells_more_often_is_not_put_off(books: Books) -> None:
    await books.assign()
    await books.tell(updated(1))
    before = await books.run("SELECT running_due_at FROM session")
    await books.tell(updated(1))
    assert await books.run("SELECT running_due_at FROM session") == before
