import * as z from "zod";
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from "zod-openapi";
import type { ProblemCode } from "../../shared/kernel/problem.ts";
import { problems } from "../../shared/kernel/problem-table.ts";
import { second } from "../../shared/kernel/time.ts";
import { commonProblems, problemBody } from "../runtime/http.ts";
import { limits } from "../runtime/limits.ts";
import type { Route } from "../runtime/route.ts";

const audience = { member: "会员", public: "公开", staff: "员工", channel: "支付渠道" } as const;

/** Problems by their status, each with its texts, as responses of an operation. */
function problemResponses(codes: readonly ProblemCode[]): ZodOpenApiOperationObject["responses"] {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(codes))
    byStatus.set(problems[code].status, [...(byStatus.get(problems[code].status) ?? []), code]);
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, list]) => [
        String(status),
        {
          description: list.map((code) => `${code}: ${problems[code].zh}`).join("; "),
          content: {
            "application/problem+json": {
              schema: problemBody,
              examples: Object.fromEntries(list.map((code) => [code, { value: example(code) }])),
            },
          },
        },
      ]),
  );
}

const example = (code: ProblemCode) => ({
  type: `urn:commensal:problem:${code}`,
  title: problems[code].zh,
  message: problems[code].en,
  status: problems[code].status,
  code,
});

const owned = {
  self: "Only the member's own data.",
  order: "Only the member's own order.",
  community: "Only for leaders of the community.",
} as const;

function operation(declared: Route): ZodOpenApiOperationObject {
  const status = declared.status ?? 200;
  const words = [
    declared.description,
    declared.roles &&
      `Roles: ${["admin", ...declared.roles.filter((role) => role !== "admin")].join(", ")}; scope: ${declared.scope}.`,
    declared.owns !== "none" && owned[declared.owns],
    declared.limit &&
      `At most ${limits[declared.limit].burst} in ${limits[declared.limit].perMs / second} s a member; then TOO_MANY_REQUESTS, with Retry-After.`,
    declared.idempotent &&
      "The answer is kept 48 h under the Idempotency-Key: the same request again gets it again, byte for byte.",
  ];
  const header = declared.idempotent
    ? z.object({
        "Idempotency-Key": z
          .string()
          .regex(/^[A-Za-z0-9_-]{8,64}$/)
          .meta({ description: "Chosen by the client, one a request" }),
      })
    : undefined;
  return {
    operationId: `${declared.method}${declared.path.replaceAll(/[{}]/g, "").replaceAll(/[/-]+(\w)/g, (_, c: string) => c.toUpperCase())}`,
    summary: declared.summary,
    description: words.filter(Boolean).join("\n\n"),
    tags: [audience[declared.actor]],
    security:
      declared.actor === "member" ? [{ member: [] }] : declared.actor === "staff" ? [{ staff: ["ops/console"] }] : [],
    requestParams: {
      ...(declared.params && { path: declared.params }),
      ...(declared.query && { query: declared.query }),
      ...(header && { header }),
    },
    ...(declared.body && {
      requestBody: { required: true, content: { "application/json": { schema: declared.body } } },
    }),
    ...(declared.takesCsv && { requestBody: { required: true, content: { "text/csv": { schema: z.string() } } } }),
    responses: {
      [String(status)]: {
        description: status === 201 ? "Made" : status === 204 ? "Done" : "OK",
        ...(status !== 204 && {
          content: {
            ...(!declared.givesCsv && { "application/json": { schema: declared.ok } }),
            ...((declared.givesCsv || declared.csv) && { "text/csv": { schema: z.string() } }),
          },
        }),
      },
      ...(declared.etag && { "304": { description: "Not changed since If-None-Match" } }),
      ...problemResponses([...declared.problems, ...commonProblems(declared)]),
    },
  };
}

/** The OpenAPI 3.1 document of these routes. */
export function openApiDocument(routes: readonly Route[]): object {
  const paths: ZodOpenApiPathsObject = {};
  for (const declared of routes)
    paths[declared.path] = { ...paths[declared.path], [declared.method]: operation(declared) };
  return createDocument({
    openapi: "3.1.0",
    info: {
      title: "Commensal",
      version: "1",
      description:
        'Group buying for neighbours. Amounts are integer fen, times carry +08:00, coordinates their datum. Every failure is application/problem+json: decide by `code`. The gateway itself answers 401, 403, 413, 429, 500 and 503 as `{"message": …}`.',
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    components: {
      securitySchemes: {
        member: { type: "http", scheme: "bearer", bearerFormat: "JWT", description: "Access token of POST /v1/login" },
        staff: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "Cognito access token with the scope ops/console",
        },
      },
    },
    paths,
  });
}
