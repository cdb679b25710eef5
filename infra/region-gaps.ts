/**
 * Regions known to lack a service a stage stands on, by the beginning of their names. Sources: the region page of Amazon
 * Location, which lists none in China; the aws-cn endpoint table, which has neither Location, Cognito user pools nor
 * EventBridge Scheduler. A region that is not named here may still lack one: the deployment then fails by itself.
 */
const gaps: Readonly<Record<string, readonly string[]>> = {
  "Amazon Location": ["cn-"],
  "Cognito user pools": ["cn-"],
  "EventBridge Scheduler": ["cn-"],
  "CloudFront with AWS WAF": ["cn-"],
};

/** Throws, in one line that names the services, for a region (e.g. `ap-northeast-1`) that lacks one we need. */
export function requireServices(region: string): void {
  const missing = Object.entries(gaps)
    .filter(([, regions]) => regions.some((start) => region.startsWith(start)))
    .map(([service]) => service);
  if (missing.length > 0) throw new Error(`${region} lacks ${missing.join(", ")}: choose another region for the stage`);
}
