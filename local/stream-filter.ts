/**
 * Event source filter patterns (the subset of EventBridge's language that Lambda mappings take). A pattern is an object
 * whose leaves are lists of matchers; an event matches when every leaf of the pattern has one matcher that holds.
 */
export type Pattern = { [key: string]: Pattern | Matcher[] };
type Matcher = string | number | boolean | null | { [operator: string]: unknown };

/** Throws, naming `place`, when the pattern uses an operator that is not matched here. */
export function readPattern(text: string, place: string): Pattern {
  const pattern = JSON.parse(text) as Pattern;
  const visit = (node: Pattern): void => {
    for (const [key, value] of Object.entries(node)) {
      if (key.startsWith("$"))
        throw new Error(`${place}: the filter operator ${key} is not matched by the embedded default.`);
      if (!Array.isArray(value)) {
        visit(value);
        continue;
      }
      for (const matcher of value) {
        if (typeof matcher !== "object" || matcher === null) continue;
        const unknown = Object.keys(matcher).find((operator) => !(operator in operators));
        if (unknown)
          throw new Error(`${place}: the filter operator ${unknown} is not matched by the embedded default.`);
      }
    }
  };
  visit(pattern);
  return pattern;
}

export function matches(pattern: Pattern, event: unknown): boolean {
  return Object.entries(pattern).every(([key, wanted]) => {
    const value = (event as Record<string, unknown> | undefined | null)?.[key];
    return Array.isArray(wanted) ? wanted.some((matcher) => holds(matcher, value)) : matches(wanted, value);
  });
}

const listed = (argument: unknown): unknown[] => (Array.isArray(argument) ? argument : [argument]);

const operators: Record<string, (value: unknown, argument: unknown) => boolean> = {
  prefix: (value, argument) => typeof value === "string" && value.startsWith(String(argument)),
  suffix: (value, argument) => typeof value === "string" && value.endsWith(String(argument)),
  exists: (value, argument) => (value !== undefined) === argument,
  "equals-ignore-case": (value, argument) =>
    typeof value === "string" && value.toLowerCase() === String(argument).toLowerCase(),
  "anything-but": (value, argument) =>
    value !== undefined && !listed(argument).some((one) => holds(one as Matcher, value)),
};

function holds(matcher: Matcher, value: unknown): boolean {
  if (Array.isArray(value)) return value.some((one) => holds(matcher, one));
  if (typeof matcher !== "object" || matcher === null) return value === matcher;
  return Object.entries(matcher).every(([operator, argument]) => operators[operator]?.(value, argument) === true);
}
