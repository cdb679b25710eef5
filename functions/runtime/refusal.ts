import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import type { ProblemCode } from "../../shared/kernel/problem.ts";
import { problems } from "../../shared/kernel/problem-table.ts";

/** The problem's answer, for functions and moments without the HTTP application. */
export function refusal(
  code: ProblemCode,
  event: APIGatewayProxyEventV2,
  more: Record<string, string> = {},
): APIGatewayProxyStructuredResultV2 {
  const { status, zh, en } = problems[code];
  const body = {
    type: `urn:commensal:problem:${code}`,
    title: zh,
    message: en,
    status,
    code,
    requestId: event.requestContext.requestId,
  };
  return {
    statusCode: status,
    headers: {
      "content-type": "application/problem+json; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "strict-transport-security": "max-age=63072000; includeSubDomains",
      ...more,
    },
    body: JSON.stringify(body),
  };
}
