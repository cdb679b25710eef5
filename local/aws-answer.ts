import type { AwsAnswer } from "./parts.ts";

/** A stand-in's answer in the AWS JSON protocol. */
export function awsJson(value: unknown): AwsAnswer {
  return { status: 200, headers: { "content-type": "application/x-amz-json-1.0" }, body: JSON.stringify(value) };
}

/** A service's own error as the SDK reads it: the name in the header and in `__type`; REST services add `more` fields. */
export function awsError(name: string, message: string, status = 400, more: Record<string, unknown> = {}): AwsAnswer {
  return {
    status,
    headers: { "content-type": "application/x-amz-json-1.0", "x-amzn-errortype": name },
    body: JSON.stringify({ __type: name, message, Message: message, ...more }),
  };
}
