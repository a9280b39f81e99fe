"""The pages that annotators answer on: plain forms, so that every click is saved without any script (the only one adds
keys).

The secret link sets a session cookie, which is the annotator's token; forms carry a digest of it that only we can make.
Nothing that names a system, an action or a target is ever given to a template.
"""

from __future__ import annotations

import hmac
from collections import Counter
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jinja2
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from interplay_bench.environment.errors import UsageError
from interplay_bench.study.answer import Answer
from interplay_bench.study.answer_store import AnswerStore
from interplay_bench.study.plan import Annotator, Plan
from interplay_bench.study.rate_limit import RateLimit

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "session"
LONGEST = 2_000
"""The longest comment, in characters."""
LARGEST = 64 * 1024
"""The largest form, in bytes."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def study_app(plan: Plan, store: AnswerStore, *, secure: bool = False) -> Starlette:
    """The application. ``secure``: the cookie travels by HTTPS alone."""
    pages = _Pages(plan, store, secure)
    return Starlette(
        routes=[
            Route("/style.css", pages.style),
            Route("/keys.js", pages.keys),
            Route("/join/{token}", pages.join),
            Route("/", pages.welcome),
            Route("/consent", pages.consent, methods=["POST"]),
            Route("/pair/{page:int}", pages.pair),
            Route("/pair/{page:int}/answer", pages.answer, methods=["POST"]),
            Route("/pair/{page:int}/comment", pages.comment, methods=["POST"]),
            Route("/done", pages.done),
        ],
        middleware=[Middleware(_Headers)],
        exception_handlers={HTTPException: pages.refused},
    )


class _Headers:
    """Puts :data:`HEADERS` on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
                message = {**message, "headers": [*message.get("headers", ()), *given]}
            await send(message)

        await self._app(scope, receive, sending if scope["type"] == "http" else send)


class _Pages:
    """What each address answers."""

    def __init__(self, plan: Plan, store: AnswerStore, secure: bool) -> None:
        self._plan, self._store, self._secure = plan, store, secure
        self._of_token = {each.token: each for each in plan.annotators}
        self._templates = jinja2.Environment(
            loader=jinja2.PackageLoader("interplay_bench.study"), autoescape=True, undefined=jinja2.StrictUndefined
        )
        self._limit = RateLimit()

    def style(self, request: Request) -> Response:
        return Response(_template("style.css"), media_type="text/css")

    def keys(self, request: Request) -> Response:
        return Response(_template("keys.js"), media_type="text/javascript")

    def join(self, request: Request) -> Response:
        """The secret link."""
        token = request.path_params["token"]
        self._check_rate(token)
        if token not in self._of_token:
            raise HTTPException(404, "This link is not one of the study's. Is it complete?")
        response = _to("/")
        response.set_cookie(COOKIE, token, httponly=True, samesite="lax", secure=self._secure)
        return response

    def welcome(self, request: Request) -> Response:
        who = self._who(request)
        if self._store.consented(who.name):
            return _to(f"/pair/{self._open(who)}")
        pages = len(who.showings)
        return self._page(
            "welcome", csrf=self._csrf(who), pages=pages, criteria=self._plan.criteria, rates=self._plan.rates
        )

    async def consent(self, request: Request) -> Response:
        who, _ = await self._form(request, consented=False)
        await run_in_threadpool(self._store.consent, who.name)
        return _to("/pair/1")

    def pair(self, request: Request) -> Response:
        who, page = self._who(request), request.path_params["page"]
        if not self._store.consented(who.name):
            return _to("/")
        self._check_page(who, page)
        showing = who.showings[page - 1]
        pair = self._plan.pair[showing.pair]
        answers = self._store.answers(who.name)
        questions = self._plan.questions(showing)
        chosen = {answer.criterion: answer.choice for answer in answers if answer.page == page}
        both = (pair.a, pair.b) if showing.left == "a" else (pair.b, pair.a)
        return self._page(
            "page",
            csrf=self._csrf(who),
            rates=self._plan.rates,
            page=page,
            pages=len(who.showings),
            finished=len(self._finished(who, answers)),
            profile=pair.profile,
            chats=[lines for lines in both if lines],
            questions=questions,
            chosen=chosen,
            open=next((question.key for question in questions if question.key not in chosen), ""),
            comment=self._store.comments(who.name).get(page, ""),
            longest=LONGEST,
        )

    async def answer(self, request: Request) -> Response:
        who, form = await self._form(request)
        page, asked = request.path_params["page"], str(form.get("criterion"))
        answer = Answer(who.name, page, asked, str(form.get("choice")))
        try:
            answer.check(self._plan)
        except UsageError:
            raise HTTPException(400, "There is no such question or answer.") from None
        await run_in_threadpool(self._store.save, [answer])
        return _to(f"/pair/{answer.page}#{answer.criterion}")

    async def comment(self, request: Request) -> Response:
        who, form = await self._form(request)
        page, text = request.path_params["page"], str(form.get("text", ""))
        self._check_page(who, page)
        if len(text) > LONGEST:
            raise HTTPException(400, f"A comment has at most {LONGEST} characters.")
        await run_in_threadpool(self._store.comment, who.name, page, text)
        return _to(f"/pair/{page}")

    def done(self, request: Request) -> Response:
        who = self._who(request)
        if not self._store.consented(who.name):
            return _to("/")
        complete = len(self._finished(who, self._store.answers(who.name))) == len(who.showings)
        return self._page("done", code=who.code if complete else "", open=self._open(who))

    def refused(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return self._page("refused", error.status_code, reason=error.detail)

    def _who(self, request: Request) -> Annotator:
        token = request.cookies.get(COOKIE, "")
        self._check_rate(token)
        found = self._of_token.get(token)
        if found is None:
            raise HTTPException(403, "Open the link that you were sent.")
        return found

    async def _form(self, request: Request, *, consented: bool = True) -> tuple[Annotator, Any]:
        """Who sends a form, and what; refused where the form is not one that we gave them."""
        who = self._who(request)
        length = request.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            raise HTTPException(413, "That is too long.")
        form = await request.form(max_files=0, max_fields=10)
        if not hmac.compare_digest(str(form.get("csrf", "")).encode(), self._csrf(who).encode()):
            raise HTTPException(403, "This page is of another session. Open the link that you were sent again.")
        if consented and not await run_in_threadpool(self._store.consented, who.name):
            raise HTTPException(403, "Agree to take part first.")
        return who, form

    def _csrf(self, who: Annotator) -> str:
        return hmac.new(self._store.key.encode(), who.token.encode(), sha256).hexdigest()

    def _finished(self, who: Annotator, answers: list[Answer]) -> set[int]:
        """The pages on which every question is answered."""
        given = Counter(answer.page for answer in answers)
        asked = {page: len(self._plan.questions(showing)) for page, showing in enumerate(who.showings, 1)}
        return {page for page, questions in asked.items() if given[page] >= questions}

    def _open(self, who: Annotator) -> int:
        """The first page with an open question; the last page where there is none."""
        finished = self._finished(who, self._store.answers(who.name))
        return next((n for n in range(1, len(who.showings)) if n not in finished), len(who.showings))

    def _check_rate(self, token: str) -> None:
        """Strangers share one limit, so that none of them slows an annotator down."""
        if not self._limit.allows(token if token in self._of_token else ""):
            raise HTTPException(429, "That was too fast. Wait a moment, then go back and try again.")

    def _check_page(self, who: Annotator, page: int) -> None:
        if not 1 <= page <= len(who.showings):
            raise HTTPException(404, "There is no such page.")

    def _page(self, template: str, status: int = 200, **values: object) -> Response:
        return HTMLResponse(self._templates.get_template(f"{template}.html.j2").render(values), status)


def _to(address: str) -> RedirectResponse:
    """Go on by GET, so that a reload sends nothing twice."""
    return RedirectResponse(address, 303)


def _template(name: str) -> str:
    return (files("interplay_bench.study") / "templates" / name).read_text(encoding="utf-8")
