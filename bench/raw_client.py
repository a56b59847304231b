"""The raw API client: ``python -m bench.raw_client PLAN`` sends the requests of a plan as fast as one client can.

It uses aiohttp, which is installed as a dependency of the Kubernetes client.
"""

import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import Any, Final

import aiohttp

_CONNECTIONS: Final = 32
_JSON: Final = "application/json"
_LAST_SECONDS: Final = 600


async def _send(plan: dict[str, Any]) -> None:
    context = ssl.create_default_context(cafile=plan["ca"])
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS, ssl=context)
    headers = {"Authorization": f"Bearer {plan['token']}"}
    # aiohttp uses a proxy of the environment only if asked to, and the server is on this machine.
    async with aiohttp.ClientSession(plan["url"], connector=connector, headers=headers) as session:

        async def one(method: str, path: str, body: Any, kind: str) -> None:
            data = json.dumps(body) if body is not None else None
            async with session.request(method, path, data=data, headers={"Content-Type": kind or _JSON}) as answer:
                text = await answer.read()
                if answer.status >= 400:
                    message = f"{method} {path}: {answer.status} {text.decode(errors='replace')}"
                    raise RuntimeError(message)

        async def workspace(batches: list[list[tuple[str, str, Any, str]]]) -> None:
            for batch in batches:
                await asyncio.gather(*(one(*request) for request in batch))

        await asyncio.gather(*(workspace(batches) for batches in plan["workspaces"]))
        await asyncio.wait_for(_gone(session, set(plan["gone"])), _LAST_SECONDS)


async def _gone(session: aiohttp.ClientSession, left: set[str]) -> None:
    """Wait until none of these namespaces exists."""
    while left:
        await asyncio.sleep(0.5)
        async with session.get("/api/v1/namespaces") as answer:
            items = (await answer.json())["items"]
        left &= {f"/api/v1/namespaces/{item['metadata']['name']}" for item in items}


def main() -> None:
    """Read the plan and send it. An error status ends it with a traceback."""
    asyncio.run(_send(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
