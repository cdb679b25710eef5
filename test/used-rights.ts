import { stackName } from "../local/assembly.ts";
import { type Granted, loadPolicies, type Use } from "../local/iam.ts";
import { loadTemplate } from "../local/template.ts";

/** What the rights of a template were needed for in a run: lines to print, and whether the run fails by them. */
export interface RightsReport {
  lines: string[];
  failed: boolean;
}

/**
 * Holds the calls that all platforms of a run let through against what the assembly's policies grant. Where the `whole` suite
 * ran, a right that no call needed fails it, and so does a run in which no call was seen: it would prove nothing.
 */
export function reportRights(assembly: string, uses: readonly Use[], whole: boolean): RightsReport {
  const granted = loadPolicies(loadTemplate(assembly, stackName)).granted(uses);
  const unused = granted.filter(({ used }) => !used);
  const count = `${granted.length} granted`;
  if (!whole) {
    const lines = uses.length > 0 ? [`rights: ${count}, ${granted.length - unused.length} used by these files`] : [];
    return { lines, failed: false };
  }
  if (uses.length === 0)
    return {
      lines: [
        `rights: ${count}, but no call was seen: the platforms did not write what they let through (local/use-record.ts)`,
      ],
      failed: true,
    };
  if (unused.length === 0) return { lines: [`rights: ${count}, all used`], failed: false };
  return {
    lines: [
      `rights: ${count}, ${unused.length} needed by no call of the whole run; take it out (infra/grants.ts), or show its need by a test on the platform:`,
      ...unused.map(named),
    ],
    failed: true,
  };
}

const named = ({ function: name, action, resource, place }: Granted) =>
  `  ${name}: ${action} on ${resource} (${place})`;
