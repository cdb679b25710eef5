import { inboxMessage } from "../../shared/journey/index.ts";
import { isoOutput, toIso } from "../../shared/kernel/time.ts";
import { inboxOf } from "../../shared/table/keys.ts";
import { listOf, listQuery, type Route, route } from "../runtime/route.ts";
import { listPage } from "./list-page.ts";

export const inboxShop: Route[] = [
  route({
    method: "get",
    path: "/v1/inbox",
    summary: "我的消息",
    description: "Newest first: what happened to the member's teams, orders and money.",
    actor: "member",
    owns: "self",
    query: listQuery,
    ok: listOf(
      inboxMessage
        .omit({ memberId: true })
        .extend({ at: isoOutput })
        .meta({
          id: "InboxMessage",
          example: {
            eventId: "EV01KASWB3Q8W5CJ7T2N9RXEH4",
            at: "2026-11-23T20:00:05+08:00",
            kind: "TeamSucceeded",
            title: "拼团成功",
            body: "您参加的拼团已成团,请于提货时间到店自提",
            teamId: "TM01KASWB3Q8W5CJ7T2N9RXEH4",
          },
        }),
    ),
    problems: ["CURSOR_INVALID"],
    run: (deps, { actor: { memberId }, query }) => listPage(deps, inboxOf(memberId), `inbox ${memberId}`, query),
    view: ({ items, nextCursor }) => ({ items: items.map((m) => ({ ...m, at: toIso(m.at) })), nextCursor }),
  }),
];
