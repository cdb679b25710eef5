/** A finding of cdk-nag's AwsSolutions rules that is meant to stay. */
export interface Acknowledgement {
  readonly rule: string;
  /** Path of the resource below its stack. */
  readonly at: RegExp;
  readonly reason: string;
}

/** Every finding there is. `test/infra/nag.test.ts` fails on one that is not here, and on a row here that meets none. */
export const acknowledgements: readonly Acknowledgement[] = [
  {
    rule: "AwsSolutions-APIG4",
    at: /^Http\/ShopRoute\//,
    reason: "Members' tokens are our own and are verified in the function, route by route; some routes are public",
  },
  {
    rule: "AwsSolutions-APIG4",
    at: /^Http\/HooksRoute\//,
    reason: "The channel signs its notifications to the byte; the function verifies that before it reads anything",
  },
  {
    rule: "AwsSolutions-APIG4",
    at: /^Http\/SiteRoute\//,
    reason: "The home page, the API's documentation and the 404 are for everybody and hold nothing of anybody",
  },
  {
    rule: "AwsSolutions-COG8",
    at: /^Staff\/Pool\//,
    reason:
      "The plus tier scores sign-ins by risk; a second factor is required of everyone instead, and nobody signs up alone",
  },
  {
    rule: "AwsSolutions-IAM5[Resource::*]",
    at: /^\w+\/Role\/DefaultPolicy\//,
    reason:
      "X-Ray's writing actions, log delivery and DescribeAlarms can be bound to no resource; stack.test.ts lets only these through",
  },
  {
    rule: "AwsSolutions-S1",
    at: /^Evidence\//,
    reason: "A picture is reached only by an address that our API has just made for somebody, which the API logs",
  },
  {
    rule: "AwsSolutions-IAM5[Resource::<Evidence.Arn>/evidence/*]",
    at: /^(Shop|Ops)\/Role\/DefaultPolicy\//,
    reason: "Each picture has a key of its own: the right ends in the folder of pictures, which holds nothing else",
  },
  {
    rule: "AwsSolutions-IAM5[Resource::<Evidence.Arn>/posts/*]",
    at: /^(Shop|Ops)\/Role\/DefaultPolicy\//,
    reason: "Each picture has a key of its own: the right ends in the folder of pictures, which holds nothing else",
  },
  {
    rule: "AwsSolutions-SQS3",
    at: /^\w+DeadLetters\//,
    reason: "These queues are the dead-letter queues: of the streams' event sources and of the schedules",
  },
  {
    rule: "AwsSolutions-SMG4",
    at: /^OriginSecret\//,
    reason: "The edge takes a new version only when it is deployed, so both are rotated together, by the runbook",
  },
  {
    rule: "AwsSolutions-CFR1",
    at: /^Distribution\//,
    reason: "Members travel, and WeChat's servers call from where they are; the firewall turns bad addresses away",
  },
  {
    rule: "AwsSolutions-CFR3",
    at: /^Distribution\//,
    reason: "Logged by a delivery of chosen fields: the setting this rule looks for always writes addresses and paths",
  },
];
