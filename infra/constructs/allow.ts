import { PolicyStatement } from "aws-cdk-lib/aws-iam";

/** A statement that allows these actions on these resources. Throws for a wildcard: rights are named one by one. */
export function allow(actions: readonly string[], resources: readonly string[]): PolicyStatement {
  const wild = [...actions, ...resources].find((name) => name.includes("*"));
  if (wild !== undefined) throw new Error(`A policy would allow "${wild}"; name each action and resource instead`);
  return new PolicyStatement({ actions: [...actions], resources: [...resources] });
}
