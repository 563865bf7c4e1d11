"""A user's sessions: listed, ended; and the user's own account."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from command_api.accounts.domain.roles import Principal
from command_api.accounts.handlers.accounts import Accounts, no_user
from command_api.accounts.handlers.logins import Logins, WrongCredentials
from command_api.accounts.handlers.passwords import Passwords
from command_api.accounts.store import accounts, sessions
from csms_shared.contracts.refusals import ProblemRaised, refuse
from csms_shared.db.cursors import as_moment, as_uuid, decode_cursor, encode_cursor
from csms_shared.db.engine import in_transaction
from csms_shared.db.tenancy import acting_for
from csms_shared.values.times import format_time


class Sessions:
    """What users and administrators do with log-ins; each end counts here at once.

    One's own account is reached for whomever one acts.
    """

    def __init__(
        self, engine: AsyncEngine, passwords: Passwords, logins: Logins, users: Accounts
    ) -> None:
        self._engine = engine
        self._passwords = passwords
        self._logins = logins
        self._users = users

    async def log_out(self, principal: Principal) -> None:
        """End the session that is asked with.

        Raises:
            ProblemRaised: 404, an API key asks: it has none.
        """
        username, session_id = _user_of(principal), principal.session_id
        if session_id is None:
            # A token of before sessions can't be told from the user's others of that time.
            with acting_for(principal.tenant_id):
                await self.end_all(username, principal.tenant_id)
            return
        with acting_for(principal.tenant_id):
            await in_transaction(
                self._engine,
                lambda connection: sessions.end_session(
                    connection, principal.tenant_id, username, session_id
                ),
            )
        await self._logins.account_changed()

    async def list_of(
        self, username: str, asking: Principal, limit: int, cursor: str | None
    ) -> dict[str, Any]:
        """Return a page of the user's sessions, newest first."""
        before: tuple[Any, Any] | None = None
        if cursor is not None:
            created_at, session_id = decode_cursor(cursor, as_moment, as_uuid)
            before = (created_at, session_id)

        async def find(connection: AsyncConnection) -> list[sessions.Session] | None:
            user = await accounts.get_user(connection, asking.acts_for, username)
            if user is None:
                return None
            return await sessions.list_sessions(connection, user, before, limit + 1)

        found = await in_transaction(self._engine, find)
        if found is None:
            raise no_user(username)
        shown = found[:limit]
        more = len(found) > limit
        return {
            "items": [_view(one, asking) for one in shown],
            "next_cursor": encode_cursor(shown[-1].created_at, shown[-1].id) if more else None,
        }

    async def end_all(self, username: str, tenant_id: str) -> None:
        """End every session of a user."""
        if not await in_transaction(
            self._engine, lambda connection: sessions.end_sessions(connection, tenant_id, username)
        ):
            raise no_user(username)
        await self._logins.account_changed()

    async def end_one(self, username: str, session_id: str, tenant_id: str) -> None:
        """End one session of a user."""
        try:
            parsed = UUID(session_id)
        except ValueError:
            raise _no_session(session_id) from None
        if not await in_transaction(
            self._engine,
            lambda connection: sessions.end_session(connection, tenant_id, username, parsed),
        ):
            raise _no_session(session_id)
        await self._logins.account_changed()

    async def own(self, principal: Principal) -> dict[str, Any]:
        """Return who asks, if that is a user."""
        with acting_for(principal.tenant_id):
            return await self._users.get_user(principal.tenant_id, _user_of(principal))

    async def change_own_password(
        self, principal: Principal, current: str, new: str, address: str
    ) -> None:
        """Change the password of who asks, who knows the present one; other sessions end.

        Raises:
            ProblemRaised: 404, an API key asks; 422, the password is another; 409, the user was
                changed at the same time.
            TooManyFailures: there were too many wrong passwords; this one was not looked at.
            TooManyLogins: too many passwords are being looked at.
        """
        username = _user_of(principal)
        try:
            user = await self._logins.check_password(username, current, address)
        except WrongCredentials:
            raise refuse(
                422, "wrong_password", "this is not your password", ("current_password", "is wrong")
            ) from None
        password_hash = await self._passwords.hash(new)

        async def work(connection: AsyncConnection) -> bool:
            version = await accounts.change_password(connection, user, password_hash)
            if version is None:
                return False
            await sessions.keep_session(
                connection, user.tenant_id, username, principal.session_id, version
            )
            return True

        with acting_for(principal.tenant_id):
            changed = await in_transaction(self._engine, work)
        if not changed:
            raise refuse(409, "changed_meanwhile", "your account was changed at the same time")
        await self._logins.account_changed()


def _user_of(principal: Principal) -> str:
    if principal.username is None:
        raise refuse(404, "no_user", "an API key is no user, and has no session")
    return principal.username


def _no_session(session_id: str) -> ProblemRaised:
    return refuse(404, "not_found", f"the user has no session {session_id}")


def _view(session: sessions.Session, asking: Principal) -> dict[str, Any]:
    return {
        "session_id": str(session.id),
        "created_at": format_time(session.created_at),
        "expires_at": format_time(session.expires_at),
        "last_seen_at": format_time(session.seen_at),
        "address": session.address,
        "user_agent": session.user_agent,
        "current": session.id == asking.session_id,
    }
